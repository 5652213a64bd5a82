"""Drawing codes from logits: temperature, top-k, top-p and a penalty on repetition; the same seed gives the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infinitedance_cli.models.checks import require


@dataclass(frozen=True)
class SamplingConfig:
    """How codes are drawn; the defaults are the paper's.

    temperature 0 takes the likeliest code; top_k 0 keeps all codes; top_p keeps the likeliest codes up to this
    probability, with the one that crosses it. repetition_penalty is subtracted from the logits of first-level codes
    drawn within the last repetition_window steps.
    """

    temperature: float = 0.85
    top_k: int = 30
    top_p: float = 0.8
    repetition_penalty: float = 0.0
    repetition_window: int = 8

    def __post_init__(self) -> None:
        require(self.temperature >= 0, f"temperature is {self.temperature}; expected 0 or more")
        require(self.top_k >= 0, f"top_k is {self.top_k}; expected 0 (all) or more")
        require(0 < self.top_p <= 1, f"top_p is {self.top_p}; expected a value above 0, up to 1")
        require(self.repetition_penalty >= 0, f"repetition_penalty is {self.repetition_penalty}; expected 0 or more")
        require(self.repetition_window >= 1, f"repetition_window is {self.repetition_window}; expected 1 or more")


class Sampler:
    """Draws one code per row; every row has its own random stream, so a take does not depend on its neighbours.

    Args:
        config: how to draw.
        seeds: one seed per row.
    """

    def __init__(self, config: SamplingConfig, seeds: Sequence[int]) -> None:
        self.config = config
        # Always on the CPU, so that a seed gives the same draws on every device.
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._recent: deque[Tensor] = deque(maxlen=config.repetition_window)

    def draw(self, logits: Tensor, level: int = 0) -> Tensor:
        """Codes (B,) from logits (B, K) of quantiser layer `level`; B is the number of seeds."""
        require(
            len(logits) == len(self._generators),
            f"{len(logits)} rows of logits; this sampler has {len(self._generators)} seeds",
        )
        penalised = self.config.repetition_penalty > 0 and level == 0
        if penalised:
            logits = self._penalise(logits.float().clone())
        codes = self._choose(logits.float())
        if penalised:
            self._recent.append(codes)
        return codes

    def _penalise(self, logits: Tensor) -> Tensor:
        if self._recent:
            recent = torch.stack(list(self._recent), 1)
            repeated = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, recent, True)
            logits[repeated] -= self.config.repetition_penalty
        return logits

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
