"""Drawing one code as the release does: temperature, five rules against collapse, top-k, top-p.

Nothing here waits for the device: which codes are repeated, banned or boosted is worked out by tensor operations on a
preallocated history, so that a whole window is drawn without one transfer to the host.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from infinitedance_cli.models.released.sampling_config import ReleasedSampling

__all__ = ["ReleasedSampler", "ReleasedSampling"]

_BOOST_LENGTH = 6
_BOOST_DISTINCT = 2
_PENALTY_LENGTH = 30
_COUNT_MARGIN = 5


class ReleasedSampler:
    """Draws codes row by row; each row has its own random stream, and its own history of the window.

    Args:
        config: how to draw.
        seeds: one seed per row.
        layers: quantiser layers.
        steps: codes of each layer that a window holds.
        codes: values of a code.
        device: where the logits are.
    """

    def __init__(
        self,
        config: ReleasedSampling,
        seeds: Sequence[int],
        *,
        layers: int,
        steps: int,
        codes: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.config, self.codes = config, codes
        # On the CPU, so that a seed gives the same draws on every device; sent over before a window, not for each code.
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._history = torch.zeros((layers, len(seeds), steps), dtype=torch.int64, device=device)
        self._count = [0] * layers
        self._thresholds = torch.zeros((len(seeds), layers * steps), device=device)
        self.begin_window()

    def begin_window(self) -> None:
        """Forget the codes of the last window; codes that are fed, not drawn, are no history either."""
        layers, rows, steps = self._history.shape
        self._count = [0] * layers
        drawn = torch.stack([torch.rand(layers * steps, generator=generator) for generator in self._generators])
        self._thresholds = drawn.to(self._history.device)

    def draw(self, logits: Tensor, level: int) -> Tensor:
        """Codes (B,) from logits (B, K) of quantiser layer `level`."""
        weights, candidates = self.distribution(logits, level)
        if self.config.temperature == 0:
            codes = candidates[:, 0]
        else:
            place = sum(self._count)
            threshold = self._thresholds[:, place : place + 1]
            cumulative = weights.cumsum(1)
            position = (cumulative <= threshold * cumulative[:, -1:]).sum(1, keepdim=True)
            last = (weights > 0).sum(1, keepdim=True) - 1
            codes = candidates.gather(1, torch.minimum(position, last)).squeeze(1)
        self._history[level, :, self._count[level]] = codes
        self._count[level] += 1
        return codes

    def distribution(self, logits: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """Weights (B, k), which sum to one, and the codes (B, k) that they are of, likeliest first."""
        config = self.config
        logits = self._penalise(self._scale(logits.float(), level), level)
        banned = self._banned(level)
        # A window cannot end for want of codes: where all are banned, none is.
        banned = banned & ~banned.all(1, keepdim=True)
        logits = logits.masked_fill(banned, float("-inf"))
        kept = min(config.top_k or self.codes, self.codes)
        values, candidates = logits.topk(kept, dim=1)
        weights = torch.softmax(values, 1)
        before = weights.cumsum(1) - weights
        weights = weights.masked_fill(before > config.top_p, 0.0)
        return weights / (weights.sum(1, keepdim=True) + 1e-10), candidates

    def _scale(self, logits: Tensor, level: int) -> Tensor:
        config = self.config
        temperature = config.temperature or 1.0
        if level or config.boost == 1 or self._count[0] < _BOOST_LENGTH:
            return logits / temperature
        recent = self._recent(0, _BOOST_LENGTH).sort(1).values
        distinct = 1 + (recent[:, 1:] != recent[:, :-1]).sum(1, keepdim=True)
        factor = torch.where(distinct <= _BOOST_DISTINCT, config.boost, 1.0)
        return logits / (temperature * factor)

    def _penalise(self, logits: Tensor, level: int) -> Tensor:
        if self.config.penalty == 1 or not self._count[level]:
            return logits
        repeated = torch.zeros_like(logits, dtype=torch.bool)
        repeated.scatter_(1, self._recent(level, _PENALTY_LENGTH), True)
        penalised = torch.where(logits > 0, logits / self.config.penalty, logits * self.config.penalty)
        return torch.where(repeated, penalised, logits)

    def _banned(self, level: int) -> Tensor:
        config, rows = self.config, self._history.shape[1]
        banned = torch.zeros((rows, self.codes), dtype=torch.bool, device=self._history.device)
        most = config.most_repeats_residual if level else config.most_repeats
        if most:
            recent = self._recent(level, most + _COUNT_MARGIN)
            counts = torch.zeros((rows, self.codes), dtype=torch.int64, device=banned.device)
            banned |= counts.scatter_add_(1, recent, torch.ones_like(recent)) >= most
        if config.ngram and not level and self._count[0] >= config.ngram:
            drawn = self._history[0, :, : self._count[0]]
            runs = drawn.unfold(1, config.ngram, 1)
            ending = drawn[:, drawn.shape[1] - config.ngram + 1 :].unsqueeze(1)
            completes = (runs[..., :-1] == ending).all(-1)
            banned |= occurring(runs[..., -1], completes, self.codes)
        return banned

    def _recent(self, level: int, length: int) -> Tensor:
        count = self._count[level]
        return self._history[level, :, max(0, count - length) : count]


def occurring(values: Tensor, which: Tensor, codes: int) -> Tensor:
    """Which of `codes` values occur in each row of (B, n) `values` where `which` (B, n) holds: (B, codes) bool."""
    found = torch.zeros((len(values), codes), dtype=torch.int64, device=values.device)
    return found.scatter_add_(1, values, which.long()) > 0
