"""Drawing codes from logits: temperature, top-k, top-p and a penalty on repetition; the same seed gives the same."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from infinitedance_cli.models.checks import require
from infinitedance_cli.models.sampling_config import SamplingConfig

__all__ = ["Sampler", "SamplingConfig"]


_TURN_SLOPE = 4.0
"""Logits taken per radian beyond the limit and per radian that a code turns on."""


class Sampler:
    """Draws one code per row; every row has its own random stream, so a take does not depend on its neighbours.

    Args:
        config: how to draw.
        seeds: one seed per row.
        turns: (Q, K) by how many radians each code turns the dancer; needed for a turn_limit.
    """

    def __init__(self, config: SamplingConfig, seeds: Sequence[int], turns: Tensor | None = None) -> None:
        self.config = config
        # Always on the CPU, so that a seed gives the same draws on every device.
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._recent: deque[Tensor] = deque(maxlen=config.repetition_window)
        self._turns = turns if config.turn_limit > 0 else None
        self._turned: deque[Tensor] = deque([torch.zeros(len(seeds))], maxlen=config.turn_window)

    def draw(self, logits: Tensor, level: int = 0) -> Tensor:
        """Codes (B,) from logits (B, K) of quantiser layer `level`; B is the number of seeds."""
        require(
            len(logits) == len(self._generators),
            f"{len(logits)} rows of logits; this sampler has {len(self._generators)} seeds",
        )
        logits = logits.float().clone()
        if level == 0:
            self._penalise_repetition(logits)
        if self._turns is not None:
            self._penalise_turning(logits, self._turns[level].to(logits), level)
        codes = self._choose(logits)
        if level == 0:
            self._recent.append(codes)
        if self._turns is not None:
            self._turned[-1] = self._turned[-1].to(logits) + self._turns[level].to(logits)[codes]
        return codes

    def follow(self, row: int) -> None:
        """All rows have drawn what `row` has drawn; their random streams stay their own."""
        for memory in (self._recent, self._turned):
            for index, drawn in enumerate(memory):
                memory[index] = drawn[row].expand_as(drawn)

    def _penalise_repetition(self, logits: Tensor) -> None:
        if self.config.repetition_penalty > 0 and self._recent:
            recent = torch.stack(list(self._recent), 1)
            repeated = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, recent, True)
            logits[repeated] -= self.config.repetition_penalty

    def _penalise_turning(self, logits: Tensor, turns: Tensor, level: int) -> None:
        if level == 0:
            self._turned.append(torch.zeros_like(self._turned[-1]))
        turned = torch.stack(list(self._turned)).sum(0).to(logits).unsqueeze(1)
        beyond = (turned.abs() - self.config.turn_limit * 2 * math.pi).clamp(min=0)
        logits -= _TURN_SLOPE * beyond * (turned.sign() * turns).clamp(min=0)

    def _choose(self, logits: Tensor) -> Tensor:
        config = self.config
        if config.temperature == 0:
            return logits.argmax(1)
        kept = min(config.top_k or logits.shape[1], logits.shape[1])
        values, candidates = logits.topk(kept, dim=1)
        weights = torch.softmax(values / config.temperature, 1)
        before = weights.cumsum(1) - weights
        weights = weights.masked_fill(before >= config.top_p, 0.0)
        thresholds = torch.cat([torch.rand(1, generator=generator) for generator in self._generators])
        cumulative = weights.cumsum(1)
        thresholds = thresholds.to(logits.device).unsqueeze(1) * cumulative[:, -1:]
        # The first candidate whose cumulative weight exceeds the threshold; dropped ones add no weight.
        position = (cumulative <= thresholds).sum(1, keepdim=True).clamp(max=kept - 1)
        last = (weights > 0).sum(1, keepdim=True) - 1
        return candidates.gather(1, torch.minimum(position, last)).squeeze(1)
