"""Drawing windows of codes with the released choreographer, many dances side by side, as fast as memory is read.

What is exact is done once for many codes: the prefix and the given codes are fed in one pass, the dance bridge of all
codes is a table, and of the head only the 512 rows of a layer are read. The three codes of a step take three passes,
since each is drawn from what the backbone makes of the one before. On a GPU a step, its drawing included, is one CUDA
graph: three passes, no transfer, no launch of single kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.decoding import LlamaDecoder
from infinitedance_cli.models.released.graphs import Replay
from infinitedance_cli.models.released.sampler import ReleasedSampler, ReleasedSampling

_SPAN = 96
"""Attention over a fixed cache looks at a multiple of so many positions."""


class WindowDrawer:
    """Draws windows; the model is taken over, its backbone is freed and decodes only here.

    Args:
        model: in evaluation, with its codebooks.
        rules: how to draw.
        fixed: decode in fixed shapes, as graphs need them; by default on a GPU only.
        compiled: let torch.compile fuse a step, which takes a minute once and pays for long batches.
    """

    def __init__(
        self,
        model: ReleasedChoreographer,
        rules: ReleasedSampling,
        *,
        fixed: bool | None = None,
        compiled: bool = False,
    ) -> None:
        config = model.config
        self.model, self.rules, self.compiled = model, rules, compiled
        self.device = model.codebook.device
        self.fixed = self.device.type == "cuda" if fixed is None else fixed
        self.steps, self.layers, self.codes = config.steps, config.codebooks, config.codebook_size
        self.prefix_length = config.music_length
        window = config.music_length + config.steps * config.codebooks
        first, last = config.code_offset, config.code_offset + config.codebooks * config.codebook_size
        with torch.inference_mode():
            self.table: Tensor = model.dance_bridge(model.codebook)  # (Q, K, hidden)
            rows = model.llama.lm_head.weight[first:last].unflatten(0, (config.codebooks, -1))
            self.head = [part.clone() for part in rows]
            self.decoder = LlamaDecoder(model.llama.model, config.backbone, window, window - 1, consume=True)
        self._lanes: dict[int, _Lane] = {}

    @torch.inference_mode()
    def draw(
        self, prefix: Tensor, given: Tensor | None, generators: Sequence[Generator], every: int | None = None
    ) -> Iterator[Tensor]:
        """Codes (B, n, Q) of a window, the given ones first, then `every` steps at a time or all at once.

        Args:
            prefix: conditions (B, music_length, hidden).
            given: codes (B, g, Q) that the window begins with, or None.
            generators: one random stream per row, which moves on.
            every: steps that are yielded together.

        Raises:
            BadInput: more codes are given than a window holds.
        """
        known = 0 if given is None else given.shape[1]
        if known > self.steps:
            raise BadInput(f"{known} steps are given; a window holds {self.steps}")
        lane = self._lane(len(prefix))
        lane.begin(self._embedded(prefix, given), generators)
        if known and given is not None:
            yield given
        every = every or self.steps
        for first in range(known, self.steps, every):
            stop = min(first + every, self.steps)
            for step in range(first, stop):
                lane.step(self.prefix_length + step * self.layers)
            yield lane.drawn(len(prefix), first - known, stop - known)

    def _embedded(self, prefix: Tensor, given: Tensor | None) -> Tensor:
        if given is None or not given.shape[1]:
            return prefix
        parts = [functional.embedding(given[..., level], self.table[level]) for level in range(self.layers)]
        return torch.cat([prefix, torch.stack(parts, 2).flatten(1, 2)], 1)

    def _lane(self, rows: int) -> _Lane:
        """Where `rows` dances are drawn. Fixed shapes come in powers of two, so that few graphs are captured."""
        rows = 1 << (rows - 1).bit_length() if self.fixed else rows
        if rows not in self._lanes:
            if not self.fixed:
                self._lanes.clear()  # a cache takes 20 MB a row at paper size
            self._lanes[rows] = _Lane(self, rows)
        return self._lanes[rows]


class _Lane:
    """A number of rows drawn side by side: their cache, their sampler, the state that predicts the next code."""

    def __init__(self, drawer: WindowDrawer, rows: int) -> None:
        self.drawer, self.rows = drawer, rows
        self.state = drawer.decoder.start(rows)
        self.sampler = ReleasedSampler(
            drawer.rules,
            range(rows),
            layers=drawer.layers,
            steps=drawer.steps,
            codes=drawer.codes,
            device=drawer.device,
        )
        self.hidden = torch.zeros_like(self.state.inputs[:, 0])
        self.place = torch.zeros(1, dtype=torch.int64, device=drawer.device)
        self._replays: dict[int, Callable[[], None]] = {}

    def begin(self, embeddings: Tensor, generators: Sequence[Generator]) -> None:
        """Feed what the window begins with, (B ≤ rows, n, hidden); rows too many draw what the last one does."""
        missing = self.rows - len(embeddings)
        if missing:
            embeddings = torch.cat([embeddings, embeddings[-1:].expand(missing, -1, -1)])
            generators = [*generators, *(Generator() for _ in range(missing))]
        self.sampler.begin_window(generators)
        self.state.length = 0
        self.hidden.copy_(self.drawer.decoder.extend(self.state, embeddings, last_only=True)[:, -1])
        self.place.fill_(embeddings.shape[1])

    def step(self, place: int) -> None:
        """Draw the codes of one step, the first of which goes to position `place` of the window."""
        if not self.drawer.fixed:
            self._draw(self._extend)
            return
        span = min(-(-(place + self.drawer.layers) // _SPAN) * _SPAN, self.drawer.decoder.window)
        if span not in self._replays:
            self._replays[span] = self._replay(span)
        self._replays[span]()

    def drawn(self, rows: int, first: int, stop: int) -> Tensor:
        """Codes (rows, n, Q) that were drawn as the window's `first` to `stop`."""
        history = self.sampler.state[0]
        return history[:, :rows, first:stop].permute(1, 2, 0).clone()

    def _draw(self, feed: Callable[[Tensor], None]) -> None:
        for level in range(self.drawer.layers):
            code = self.sampler.draw(functional.linear(self.hidden, self.drawer.head[level]), level)
            feed(functional.embedding(code, self.drawer.table[level]))

    def _extend(self, embedding: Tensor) -> None:
        if self.state.length + 1 < self.drawer.decoder.window:  # the window's last code predicts nothing
            self.hidden = self.drawer.decoder.extend(self.state, embedding.unsqueeze(1))[:, -1]

    def _replay(self, span: int) -> Callable[[], None]:
        def advance(embedding: Tensor) -> None:
            self.hidden.copy_(self.drawer.decoder.advance(self.state, embedding, self.place, span))
            self.place.add_(1)

        def step() -> None:
            self._draw(advance)

        if self.drawer.compiled:
            step = torch.compile(step, fullgraph=True, dynamic=False, mode="max-autotune-no-cudagraphs")
        if self.drawer.device.type != "cuda":
            return step
        return Replay(step, (self.hidden, self.place, *self.sampler.state))
