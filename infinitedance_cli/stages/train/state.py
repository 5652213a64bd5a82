"""The training state on disk: everything that a killed run needs to go on at the next step. No pickle."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checkpoint import full_state, load_full_state

FILE_NAME = "state.safetensors"


@dataclass(frozen=True)
class Progress:
    """How far a run has come: optimiser `step`s done, and the `best` held-out figure so far (lower is better)."""

    step: int = 0
    best: float = float("inf")


def save(
    folder: Path, model: nn.Module, average: nn.Module | None, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write the state to `folder`/state.safetensors, replacing the previous one in a single rename."""
    tensors = {f"model/{name}": value for name, value in full_state(model).items()}
    if average is not None:
        tensors |= {f"average/{name}": value for name, value in full_state(average).items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": torch.as_tensor(value) for name, value in values.items()}
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    metadata = {"progress": json.dumps({"step": progress.step, "best": progress.best})}
    temporary = folder / f".{FILE_NAME}.{os.getpid()}"
    try:
        # Tied weights share memory, which safetensors refuses: every tensor gets its own copy.
        save_file(
            {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}, temporary, metadata
        )
        os.replace(temporary, folder / FILE_NAME)
    finally:
        temporary.unlink(missing_ok=True)


def restore(folder: Path, model: nn.Module, average: nn.Module | None, optimizer: torch.optim.Optimizer) -> Progress:
    """Load the state of `folder` into the given objects; a folder without one gives Progress() and changes nothing.

    Raises:
        BadInput: the state belongs to another network or is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return Progress()
    try:
        with safe_open(path, "pt") as file:
            progress = Progress(**json.loads(file.metadata()["progress"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
        load_full_state(model, _part(tensors, "model"))
        if average is not None:
            load_full_state(average, _part(tensors, "average"))
        _restore_optimizer(optimizer, _part(tensors, "optimizer"))
    except (SafetensorError, RuntimeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{path}: not the state of this run ({reason}); choose another folder or delete it") from error
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/cuda"])
    return progress


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix + "/"): value for name, value in tensors.items() if name.startswith(prefix + "/")}


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    description = optimizer.state_dict()
    description["state"] = {}
    for key, value in tensors.items():
        index, name = key.split("/", 1)
        description["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(description)
