"""Dance and music on one time grid: what the retriever and the choreographer learn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.dance_index import source_of
from infinitedance_cli.models.step_features import FPS, step_features, tokens_that_fit
from infinitedance_cli.models.timeline import music_at_steps
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion import genres
from infinitedance_cli.motion.clip import MotionClip


@dataclass(frozen=True)
class Pair:
    """A clip and its music, by steps of the tokeniser.

    `source` names the clip that variants were made from (the part of the id before "#"); `codes` (S, Q) int16;
    `music` (S, M) float16, from the `encoder` of that name; `motion` (S, D) float16, the z-scored features averaged
    over each step. `rows` (T', M') are the music's own, at `rate_hz`, where they were asked for.
    """

    clip: str
    source: str
    genre: str
    codes: NDArray[np.int16]
    music: NDArray[np.float16]
    motion: NDArray[np.float16]
    encoder: str = ""
    rows: NDArray[np.floating] | None = None
    rate_hz: float = 0.0

    @property
    def steps(self) -> int:
        """Steps S."""
        return len(self.codes)


@dataclass(frozen=True)
class PairSet:
    """Pairs by split."""

    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]

    @property
    def genres(self) -> tuple[str, ...]:
        """Genres of the training pairs, sorted."""
        return tuple(sorted({pair.genre for pair in self.train if pair.genre}))

    @property
    def encoder(self) -> str:
        """The music encoder of all pairs."""
        return self.train[0].encoder


def make_pair(clip: MotionClip, tokenizer: Tokenizer, *, codebook: str = "", with_rows: bool = False) -> Pair:
    """Tokenise a clip and bring its music to the same steps; raises BadInput when it has no music features.

    `codebook` is the tokeniser's hash where codes of it that the clip holds are to be taken; `with_rows` keeps the
    music's own rows.
    """
    if clip.music is None or clip.music.features is None:
        raise BadInput(
            f"clip {clip.clip_id}: it has no music features; expected /music/features in every training clip"
        )
    steps = step_features(clip, tokenizer, tokens_that_fit(clip, codebook) if codebook else None)
    music = music_at_steps(clip.music.features, clip.music.rate_hz, len(steps.codes), tokenizer.stride / FPS)
    return Pair(
        clip=clip.clip_id,
        source=source_of(clip.clip_id),
        genre=genres.normalised(clip.labels.genre) if clip.labels else "",
        codes=steps.codes,
        music=music.astype(np.float16),
        motion=steps.motion.astype(np.float16),
        encoder=clip.music.encoder,
        rows=clip.music.features if with_rows else None,
        rate_hz=clip.music.rate_hz,
    )


def load_pairs(
    clips: Iterable[MotionClip], tokenizer: Tokenizer, minimum_steps: int = 8, *, with_rows: bool = False
) -> PairSet:
    """All pairs of `minimum_steps` or more, by the clips' split.

    Raises BadInput when none is left to train on, or their music went through more than one encoder.
    """
    train: list[Pair] = []
    held_out: list[Pair] = []
    for clip in clips:
        if clip.frames <= minimum_steps * tokenizer.stride:
            continue
        group = clip.extra.get("dataset")
        split = group.attributes.get("split", "train") if group else "train"
        (train if split == "train" else held_out).append(make_pair(clip, tokenizer, with_rows=with_rows))
    if not train:
        raise BadInput(f"no training clip of {minimum_steps} steps or more; nothing to train on")
    encoders = sorted({pair.encoder for pair in (*train, *held_out)})
    if len(encoders) > 1:
        raise BadInput(f"the clips' music went through several encoders ({', '.join(encoders)}); expected one")
    return PairSet(tuple(train), tuple(held_out))


@dataclass(frozen=True)
class Draw:
    """One training window: the pair's number and its first step; `steps` of it exist, the rest is padding."""

    pair: int
    start: int
    steps: int


def draw_windows(pairs: Sequence[Pair], count: int, window: int, random: np.random.Generator) -> list[Draw]:
    """Random windows, pairs weighted by the square root of their length so that short clips are heard too."""
    weights = np.sqrt([min(pair.steps, 4 * window) for pair in pairs])
    chosen = random.choice(len(pairs), size=count, p=weights / weights.sum())
    result = []
    for number in chosen:
        spare = max(0, pairs[number].steps - window)
        start = int(random.integers(spare + 1))
        result.append(Draw(int(number), start, min(window, pairs[number].steps - start)))
    return result


def cut(rows: NDArray[np.generic], draw: Draw, window: int) -> NDArray[np.generic]:
    """The window's rows (window, ...), the last one repeated where the clip ends."""
    index = np.minimum(draw.start + np.arange(window), draw.start + draw.steps - 1)
    return rows[index]
