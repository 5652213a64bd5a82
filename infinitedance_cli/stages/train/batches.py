"""Which windows a forward pass trains on, and their preparation ahead of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from infinitedance_cli.errors import IdanceError
from infinitedance_cli.stages.train.config import LoopConfig

_AHEAD = 2
"""Batches that each loader prepares ahead."""


@dataclass(frozen=True)
class Pass:
    """Pass `index` of optimiser step `step`: `size` windows over all processes, after the `first` windows of the run.

    They are the same whatever the number of processes; this one takes part `part` of `parts` (`own`).
    """

    step: int
    size: int
    index: int = 0
    first: int = 0
    part: int = 0
    parts: int = 1

    @property
    def own(self) -> slice:
        """The windows of this process among the `size`."""
        return slice(self.part * self.size // self.parts, (self.part + 1) * self.size // self.parts)


class Batches(Protocol):
    """Where batches come from: a `loop.Recipe`."""

    def batch(self, where: Pass) -> dict[str, Tensor]:
        """The windows of a pass that this process takes."""
        ...


@dataclass(frozen=True)
class Plan:
    """The passes of a run from step `step` on, when `windows` windows were seen; for process `part` of `parts`."""

    config: LoopConfig
    step: int
    windows: int
    part: int
    parts: int

    def passes(self) -> list[int]:
        """Numbers of the passes that are left."""
        return list(range((self.config.steps - self.step) * self.config.accumulate))

    def at(self, number: int) -> Pass:
        """The pass of this number, counted from 0 at `step`."""
        step, index = divmod(number, self.config.accumulate)
        size = self.config.batch_size // self.config.accumulate
        return Pass(self.step + step, size, index, self.windows + number * size, self.part, self.parts)


class _Passes(Dataset[Any]):
    """A batch for each pass; an error that a user can act on is handed over as it is, to be raised in the loop."""

    def __init__(self, recipe: Batches, plan: Plan) -> None:
        self.recipe, self.plan = recipe, plan

    def __getitem__(self, number: int) -> dict[str, Tensor] | IdanceError:
        try:
            return self.recipe.batch(self.plan.at(number))
        except IdanceError as error:
            return error


def batches(recipe: Batches, plan: Plan) -> Iterator[dict[str, Tensor]]:
    """The batches of all passes that are left, in order; `loop.loaders` processes prepare them ahead.

    Raises what the recipe raises.
    """
    if not plan.config.loaders:
        yield from (recipe.batch(plan.at(number)) for number in plan.passes())
        return
    loader = DataLoader(
        _Passes(recipe, plan),
        batch_size=None,
        sampler=plan.passes(),
        num_workers=plan.config.loaders,
        prefetch_factor=_AHEAD,
        worker_init_fn=_start_loader,
        generator=torch.Generator(),  # leaves the random numbers of training alone
    )
    for batch in loader:
        if isinstance(batch, IdanceError):
            raise batch
        yield batch


def _start_loader(number: int) -> None:
    """Signals are for the training process, which ends its loaders; threads of libraries do not survive a fork."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(1)
