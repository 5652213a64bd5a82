"""Names and shapes of the released networks' tensors, facts kept beside the tests."""

from __future__ import annotations

import json
from pathlib import Path

from torch import nn

_DATA = Path(__file__).parent / "data"


def released_shapes(network: str) -> dict[str, tuple[int, ...]]:
    """Shapes by tensor name of the released `rvq_vae`, `retriever` or `choreographer`."""
    shapes = json.loads((_DATA / f"release_{network}.json").read_text())["shapes"]
    return {name: tuple(int(size) for size in shape.split("x") if size) for name, shape in shapes.items()}


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Shapes by tensor name of a module's state."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
