"""Drawing one code as the release does: temperature, five rules against collapse, top-k, top-p.

Nothing here waits for the device, and no number of Python's changes from one code to the next: how much was drawn is a
tensor, so that a GPU can replay the drawing of a step from a graph. What is repeated, banned or boosted is worked out
on a history of fixed size whose drawn part is masked.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

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
        self._generators = [Generator().manual_seed(seed) for seed in seeds]
        self._history = torch.zeros((layers, len(seeds), steps), dtype=torch.int64, device=device)
        self._count = torch.zeros(layers, dtype=torch.int64, device=device)
        self._thresholds = torch.zeros((len(seeds), layers * steps), device=device)
        self._places = torch.arange(steps, device=device)
        self.begin_window()

    def begin_window(self, generators: Sequence[Generator] | None = None) -> None:
        """Forget the codes of the last window; codes that are fed, not drawn, are no history either.

        `generators`, one per row, are the random streams to go on with; without them each row goes on with its own.
        They are the CPU's, so that a seed gives the same draws on every device; a window's draws are sent over at once.
        """
        self._generators = list(generators or self._generators)
        self._count.zero_()
        amount = self._thresholds.shape[1]
        self._thresholds.copy_(torch.stack([torch.rand(amount, generator=each) for each in self._generators]))

    @property
    def state(self) -> tuple[Tensor, ...]:
        """The tensors that drawing changes."""
        return self._history, self._count

    def draw(self, logits: Tensor, level: int) -> Tensor:
        """Codes (B,) from logits (B, K) of quantiser layer `level`."""
        weights, candidates = self.distribution(logits, level)
        if self.config.temperature == 0:
            codes = candidates[:, 0]
        else:
            threshold = self._thresholds.index_select(1, self._count.sum().view(1))
            cumulative = weights.cumsum(1)
            position = (cumulative <= threshold * cumulative[:, -1:]).sum(1, keepdim=True)
            last = (weights > 0).sum(1, keepdim=True) - 1
            codes = candidates.gather(1, torch.minimum(position, last)).squeeze(1)
        self._history[level].index_copy_(1, self._count[level].view(1), codes.unsqueeze(1))
        self._count[level].add_(1)
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
        if level or config.boost == 1 or len(self._places) < _BOOST_LENGTH:
            return logits / temperature
        recent = self._last(0, _BOOST_LENGTH).sort(1).values
        distinct = 1 + (recent[:, 1:] != recent[:, :-1]).sum(1, keepdim=True)
        collapsed = (distinct <= _BOOST_DISTINCT) & (self._count[0] >= _BOOST_LENGTH)
        return logits / torch.where(collapsed, temperature * config.boost, temperature)

    def _penalise(self, logits: Tensor, level: int) -> Tensor:
        if self.config.penalty == 1:
            return logits
        repeated = self._occurring(level, _PENALTY_LENGTH) > 0
        penalised = torch.where(logits > 0, logits / self.config.penalty, logits * self.config.penalty)
        return torch.where(repeated, penalised, logits)

    def _banned(self, level: int) -> Tensor:
        config, rows, steps = self.config, self._history.shape[1], len(self._places)
        banned = torch.zeros((rows, self.codes), dtype=torch.bool, device=self._history.device)
        most = config.most_repeats_residual if level else config.most_repeats
        if most:
            banned = banned | (self._occurring(level, most + _COUNT_MARGIN) >= most)
        if config.ngram and not level and steps >= config.ngram:
            runs = self._history[0].unfold(1, config.ngram, 1)
            ending = self._last(0, config.ngram - 1).unsqueeze(1)
            completes = (runs[..., :-1] == ending).all(-1)
            completes = completes & (self._places[: runs.shape[1]] + config.ngram <= self._count[0])
            banned = banned | (self._tally(runs[..., -1], completes) > 0)
        return banned

    def _last(self, level: int, length: int) -> Tensor:
        """The last codes (B, length) of a layer; what stands before the first is of no meaning."""
        places = (self._count[level] - length + self._places[:length]).clamp(min=0)
        return self._history[level].index_select(1, places)

    def _occurring(self, level: int, length: int) -> Tensor:
        """How often each value is among the last `length` codes of a layer, (B, codes)."""
        count = self._count[level]
        recent = (self._places < count) & (self._places >= count - length)
        return self._tally(self._history[level], recent.expand_as(self._history[level]))

    def _tally(self, values: Tensor, which: Tensor) -> Tensor:
        """How often each value is in the rows of (B, n) `values` where `which` (B, n) holds: (B, codes) int64."""
        found = torch.zeros((len(values), self.codes), dtype=torch.int64, device=values.device)
        return found.scatter_add_(1, values, which.long())
