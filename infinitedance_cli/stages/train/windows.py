"""Windows of dance and music for training, from pairs in memory or from shards, with the references found for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.dance_index import DanceIndex, Hit
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.order import Slot, WindowOrder
from infinitedance_cli.stages.train.pairs import Draw, Pair, PairSet, cut, draw_windows, load_pairs, make_pair
from infinitedance_cli.stages.train.shards import ShardClips

_QUERY_STRIDE = 8
_MEASURED = 64
"""Held-out clips of shards that are measured."""


@dataclass(frozen=True)
class Window:
    """A training window: `draw` of the `pair`, and the `hits` to read as references, best first; none without any."""

    pair: Pair
    draw: Draw
    hits: Sequence[Hit] = ()


class Windows(Protocol):
    """Where training windows come from: what is known of all pairs, their first one, and windows of them."""

    genres: tuple[str, ...]
    first: Pair

    def windows(self, where: Pass) -> list[Window]:
        """The windows of a pass that this process takes."""
        ...

    def measured(self, count: int, random: np.random.Generator) -> list[Window]:
        """`count` random windows of held-out pairs; of training pairs where there are none."""
        ...


@dataclass(frozen=True)
class Finder:
    """Finds `pool` windows of other clips by music, of which `count` random ones are references."""

    retriever: Retriever
    index: DanceIndex
    pool: int
    count: int

    @torch.no_grad()
    def find(self, music: NDArray[np.float32], pair: Pair) -> list[list[Hit]]:
        """Hits for each window of music (B, N, M) of a pair."""
        queries = self.retriever.embed_music(torch.from_numpy(music)).numpy()
        found = self.index.search(queries, self.pool, genre=pair.genre, without={pair.source})
        # A genre of one clip has no other example: any genre is better than none.
        return [
            hits or self.index.search(query[None], self.pool, without={pair.source})[0]
            for hits, query in zip(found, queries, strict=True)
        ]

    def choose(self, hits: Sequence[Hit], random: np.random.Generator) -> list[Hit]:
        """`count` random ones, rank order kept; none where there are too few."""
        if len(hits) < self.count:
            return []
        chosen = np.sort(random.choice(len(hits), size=self.count, replace=False))
        return [hits[number] for number in chosen]


class ReferenceBook:
    """For every pair and every few steps, the windows of other clips that the retriever finds for the music there."""

    def __init__(self, pairs: Sequence[Pair], finder: Finder, window: int) -> None:
        self.finder, self.window = finder, window
        self._hits = [self._search(pair) for pair in pairs]

    def _search(self, pair: Pair) -> list[list[Hit]]:
        starts = range(0, pair.steps, _QUERY_STRIDE)
        draws = [Draw(0, start, min(self.window, pair.steps - start)) for start in starts]
        music = np.stack([cut(pair.music, draw, self.window) for draw in draws]).astype(np.float32)
        return self.finder.find(music, pair)

    def draw(self, pair: int, start: int, random: np.random.Generator) -> list[Hit]:
        """Random references for a window of a pair."""
        return self.finder.choose(self._hits[pair][min(start // _QUERY_STRIDE, len(self._hits[pair]) - 1)], random)


class HeldWindows:
    """Windows of pairs in memory, drawn at random, with replacement, short pairs rather often."""

    def __init__(self, pairs: PairSet, window: int, seed: int, stream: int, finder: Finder | None = None) -> None:
        self.pairs, self.window, self.seed, self.stream = pairs, window, seed, stream
        self.genres, self.first = pairs.genres, pairs.train[0]
        self._measured = pairs.held_out or pairs.train
        groups = (pairs.train, pairs.held_out) if pairs.held_out else (pairs.train,)
        self._books = [ReferenceBook(group, finder, window) if finder else None for group in groups]

    def windows(self, where: Pass) -> list[Window]:
        """The windows of a pass that this process takes."""
        random = np.random.default_rng((self.seed, self.stream, where.step, where.index))
        return self._draw(self.pairs.train, self._books[0], where.size, random)[where.own]

    def measured(self, count: int, random: np.random.Generator) -> list[Window]:
        """`count` random windows of held-out pairs; of training pairs where there are none."""
        return self._draw(self._measured, self._books[-1], count, random)

    def _draw(
        self, pairs: Sequence[Pair], book: ReferenceBook | None, count: int, random: np.random.Generator
    ) -> list[Window]:
        draws = draw_windows(pairs, count, self.window, random)
        hits = [book.draw(draw.pair, draw.start, random) if book else [] for draw in draws]
        return [Window(pairs[draw.pair], draw, found) for draw, found in zip(draws, hits, strict=True)]


class StreamedWindows:
    """Windows of clips in shards, each clip read and, unless it holds codes of this tokeniser, encoded for its window.

    Raises BadInput when no training clip of `minimum_steps` is left, or a clip's music went through another encoder.
    """

    def __init__(
        self,
        clips: ShardClips,
        tokenizer: Tokenizer,
        window: int,
        seed: int,
        finder: Finder | None = None,
        *,
        with_rows: bool = False,
        minimum_steps: int = 8,
    ) -> None:
        stride = tokenizer.stride
        self.clips, self.tokenizer, self.window, self.seed = clips, tokenizer, window, seed
        self.genres, self.with_rows, self.codebook = clips.genres, with_rows, tokenizer.codebook_sha256
        self.split, self.finder = clips.train.of_length(minimum_steps * stride + 1), finder
        self.order = WindowOrder((self.split.frames - 1) // stride, window, seed)
        self.encoder = ""
        self.first = self._pair(0)
        self.encoder = self.first.encoder
        held_out = clips.some(clips.held_out, _MEASURED) if len(clips.held_out) else []
        pairs = [self._made(clip) for clip in held_out if clip.frames > minimum_steps * stride]
        held = PairSet((self.first,), tuple(pairs))
        self._held = HeldWindows(held, window, seed, 0, finder)

    def windows(self, where: Pass) -> list[Window]:
        """The windows of a pass that this process takes."""
        numbers = where.first + np.arange(where.size, dtype=np.int64)[where.own]
        return [self._window(slot) for slot in self.order.slots(numbers)]

    def measured(self, count: int, random: np.random.Generator) -> list[Window]:
        """`count` random windows of up to 64 held-out clips."""
        return self._held.measured(count, random)

    def _window(self, slot: Slot) -> Window:
        pair = self._pair(slot.clip)
        start = max(0, min(slot.start, pair.steps - self.window))
        draw = Draw(0, start, min(self.window, pair.steps - start))
        if self.finder is None:
            return Window(pair, draw)
        music = cut(pair.music, draw, self.window).astype(np.float32)
        hits = self.finder.find(music[None], pair)[0]
        return Window(pair, draw, self.finder.choose(hits, np.random.default_rng((self.seed, 9, slot.number))))

    def _pair(self, place: int) -> Pair:
        return self._made(self.clips.read_or_next(self.split, place))

    def _made(self, clip: MotionClip) -> Pair:
        pair = make_pair(clip, self.tokenizer, codebook=self.codebook, with_rows=self.with_rows)
        if self.encoder and pair.encoder != self.encoder:
            raise BadInput(
                f"clip {pair.clip}: its music went through the encoder {pair.encoder}, that of others through "
                f"{self.encoder}; expected one"
            )
        return pair


def windows_of(
    clips: Iterable[MotionClip],
    tokenizer: Tokenizer,
    window: int,
    seed: int,
    stream: int,
    finder: Finder | None = None,
    *,
    with_rows: bool = False,
) -> Windows:
    """Windows of `window` steps: read from shards as they are needed, or of clips that are held in memory.

    Raises BadInput as `StreamedWindows` and `load_pairs`.
    """
    if isinstance(clips, ShardClips):
        return StreamedWindows(clips, tokenizer, window, seed, finder, with_rows=with_rows)
    return HeldWindows(load_pairs(clips, tokenizer, with_rows=with_rows), window, seed, stream, finder)
