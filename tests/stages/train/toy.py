"""A network of a few numbers that is trained like the real ones, and hooks to disturb its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.state import FILE_NAME


class ToyNetwork(nn.Module):
    """Dropout draws random numbers, `seen` counts passes: both have to survive a restart."""

    seen: Tensor

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("seen", torch.zeros(()), persistent=False)
        self.before_forward: Callable[[], None] = lambda: None

    def forward(self, inputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        self.before_forward()
        self.seen += 1
        error = (self.dropout(self.linear(inputs)) - targets).square().mean()
        return {"loss": error, "doubled": 2 * error}


@dataclass
class ToyRecipe:
    """`before_batch(step, stream)` runs before a batch is made; `figures` are what successive evaluations find."""

    dropout: float = 0.3
    before_batch: Callable[[int, int], None] = lambda step, stream: None
    before_forward: Callable[[], None] = lambda: None
    figures: list[float] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    exported: list[int] = field(default_factory=list)
    name: str = "toy"
    key_figure: str = "error"

    def build(self) -> nn.Module:
        self.network = ToyNetwork(self.dropout)
        self.network.before_forward = self.before_forward
        return self.network

    def batch(self, where: Pass) -> dict[str, Tensor]:
        """Rows `index`·`size` on of the rows of this step, so that two halves are the whole."""
        self.weights.append(self.network.linear.weight.detach().clone())
        self.before_batch(where.step, where.index)
        generator = torch.Generator().manual_seed(where.step)
        inputs = torch.randn(64, 3, generator=generator)[where.index * where.size :][where.own]
        return {"inputs": inputs, "targets": inputs[:, :2] * 0.5 + 1}

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        torch.rand(7)  # whatever evaluation draws must not change training
        return {"error": self.figures.pop(0) if self.figures else 1.0}

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        self.exported.append(int(details["step"]))
        save_file({name: value.clone() for name, value in module.state_dict().items()}, folder / "toy.safetensors")
        return folder / "toy.safetensors"


def saved_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of the training state in `folder`."""
    return load_file(folder / FILE_NAME)


def assert_same_state(one: Path, other: Path) -> None:
    """Bit by bit."""
    first, second = saved_tensors(one), saved_tensors(other)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name
