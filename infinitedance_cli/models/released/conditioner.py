"""Conditions of the windows to come, computed in another thread, on a GPU beside the decoding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import Tensor

from infinitedance_cli.models.choreographer_release import ReleasedChoreographer

_TOGETHER = 32
"""Windows in one pass: all of a large batch at once would take gigabytes for a moment."""


@dataclass(frozen=True, eq=False)
class WindowCondition:
    """What a window is told: `music` (music_length, music_dim), index of the `style`, `reference` (reference_length,
    reference_dim). Takes that share one are given one computation."""

    music: Tensor
    style: int
    reference: Tensor


class Conditioner:
    """Turns conditions into prefixes ahead of time; a context manager, which waits for what was begun."""

    def __init__(self, model: ReleasedChoreographer) -> None:
        self._model = model
        self._helper = ThreadPoolExecutor(1, "condition")
        self._stream = torch.cuda.Stream(model.codebook.device) if model.codebook.is_cuda else None

    def __enter__(self) -> Conditioner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._helper.shutdown(cancel_futures=True)

    def begin(self, conditions: Sequence[Callable[[], WindowCondition]]) -> Future[list[Tensor]]:
        """Prefixes (music_length, hidden) of conditions, which are made in the other thread, too; see `ready_row`."""
        return self._helper.submit(self._prefixes, conditions)

    def ready_row(self, prefixes: Future[list[Tensor]], row: int) -> Tensor:
        """Wait for one of the prefixes, and let the calling thread's stream wait for it, too."""
        prefix = prefixes.result()[row]
        if self._stream is not None:
            current = torch.cuda.current_stream(self._stream.device)
            current.wait_stream(self._stream)
            prefix.record_stream(current)
        return prefix

    @torch.inference_mode()
    def _prefixes(self, made_by: Sequence[Callable[[], WindowCondition]]) -> list[Tensor]:
        conditions = [make() for make in made_by]
        with torch.cuda.stream(self._stream):
            unique = list(dict.fromkeys(conditions))
            made: dict[WindowCondition, Tensor] = {}
            for first in range(0, len(unique), _TOGETHER):
                some = unique[first : first + _TOGETHER]
                made.update(zip(some, self._together(some), strict=True))
        return [made[condition] for condition in conditions]

    def _together(self, conditions: Sequence[WindowCondition]) -> Tensor:
        like = self._model.codebook
        music = torch.stack([condition.music for condition in conditions]).to(like)
        reference = torch.stack([condition.reference for condition in conditions]).to(like)
        style = torch.tensor([condition.style for condition in conditions], device=like.device)
        return self._model.condition(music, style, reference)
