"""CUDA graphs: a function of tensors that stay where they are, captured once and replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_WARM_UPS = 2
"""Runs before a capture, in which libraries choose kernels and take their memory."""


class Replay:
    """A function that reads and writes tensors in place, as one CUDA graph from its first call on.

    Args:
        function: launches kernels only; it may not wait for the device.
        changed: tensors that it changes and then reads; they are put back after the warming up. What it only writes
            (the cache) needs no putting back.
    """

    def __init__(self, function: Callable[[], None], changed: Sequence[Tensor]) -> None:
        self._function, self._changed = function, tuple(changed)
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Run the function."""
        if self._graph is None:
            self._graph = self._captured()
        self._graph.replay()

    def _captured(self) -> torch.cuda.CUDAGraph:
        kept = [tensor.clone() for tensor in self._changed]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._put_back(kept)
                self._function()
            self._put_back(kept)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # Conditions of the next window are computed in another thread meanwhile: only this thread's calls matter.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._function()
        return graph

    def _put_back(self, kept: Sequence[Tensor]) -> None:
        for tensor, before in zip(self._changed, kept, strict=True):
            tensor.copy_(before)
