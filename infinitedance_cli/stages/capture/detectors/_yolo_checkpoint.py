"""A checkpoint of YOLOv8 as ultralytics writes it, turned into safetensors without running anything that is in it.

Such a checkpoint is a pickled network. Only classes of layers are let in, and of what they make only the numbers are
kept: the network itself is built anew from the description that ultralytics ships.
"""

from __future__ import annotations

import json
import os
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.plugins import missing_library

WEIGHTS, FACTS = "yolov8.safetensors", "yolov8.json"
SIZES = ("n", "s", "m", "l", "x")
_LAYERS = ("torch.nn.modules.", "ultralytics.nn.")
_PERSON = "person"


def ultralytics_model(size: str, classes: int) -> Any:
    """A YOLOv8 of one of the SIZES with random weights. Raises MissingResource when ultralytics is not installed."""
    network = import_tasks().DetectionModel(f"yolov8{size}.yaml", ch=3, nc=classes, verbose=False)
    return network.eval()


def import_tasks() -> Any:
    """The module of ultralytics that has its networks; it neither talks on stdout nor to anybody else."""
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    try:
        return import_module("ultralytics.nn.tasks")
    except ModuleNotFoundError as error:
        if error.name == "ultralytics":
            raise missing_library("ultralytics", "YOLOv8") from error
        raise MissingResource(
            f"ultralytics is installed without {error.name}, which it needs; run: pip install {error.name}"
        ) from error


def convert(fetched: Path, target: Path) -> None:
    """Turn the one `.pt` file of a folder into safetensors and a note of size and classes.

    Raises BadInput where it is no YOLOv8 that detects people, MissingResource without ultralytics.
    """
    from safetensors.torch import save_file

    found = sorted(fetched.rglob("*.pt"))
    if len(found) != 1:
        raise BadInput(f"{len(found)} files end in .pt; expected the one checkpoint of a YOLOv8, such as yolov8n.pt")
    pickled = _network(found[0])
    size, names = _facts(pickled, found[0].name)
    own = ultralytics_model(size, len(names))
    state = {name: tensor.float().contiguous() for name, tensor in pickled.state_dict().items()}
    try:
        own.load_state_dict(state)
    except RuntimeError as error:
        raise BadInput(f"{found[0].name} is no YOLOv8 of size {size} for detection: its tensors differ") from error
    save_file(state, target / WEIGHTS)
    (target / FACTS).write_text(json.dumps({"size": size, "names": names}, indent=2) + "\n")


def _network(path: Path) -> Any:
    import torch

    import_tasks()
    try:
        classes: list[Any] = [
            _layer(name, path.name) for name in torch.serialization.get_unsafe_globals_in_checkpoint(path)
        ]
        with torch.serialization.safe_globals(classes):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError) as error:
        raise BadInput(f"{path.name} is no whole checkpoint of ultralytics: {' '.join(str(error).split())}") from error
    network = (content.get("ema") or content.get("model")) if isinstance(content, dict) else None
    if not isinstance(network, torch.nn.Module):
        raise BadInput(f"{path.name} holds no network; expected a checkpoint of ultralytics such as yolov8n.pt")
    return network


def _layer(name: str, file: str) -> type:
    """The class of that name, if it is one of a layer. Raises BadInput where a checkpoint asks for anything else."""
    import torch

    module, _, attribute = name.rpartition(".")
    if name.startswith(_LAYERS):
        try:
            found = getattr(import_module(module), attribute)
        except (ImportError, AttributeError):
            found = None
        if isinstance(found, type) and issubclass(found, torch.nn.Module):
            return found
    raise BadInput(
        f"{file} wants to load {name}, which is no layer of a network; only take checkpoints of detection models, "
        "from people whom you trust"
    )


def _facts(network: Any, file: str) -> tuple[str, list[str]]:
    """Size and names of the classes of a YOLOv8."""
    description, names = getattr(network, "yaml", None), getattr(network, "names", None)
    size = description.get("scale") if isinstance(description, dict) else None
    if size not in SIZES or not isinstance(names, dict):
        raise BadInput(f"{file} is no YOLOv8 of a size n, s, m, l or x; expected a checkpoint such as yolov8n.pt")
    listed = [str(names[number]) for number in sorted(names)]
    if _PERSON not in listed:
        raise BadInput(f"{file} has no class '{_PERSON}' among its {len(listed)}; expected a YOLOv8 that finds people")
    return size, listed
