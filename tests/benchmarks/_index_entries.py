"""Made-up entries of an index and queries for it, for `bench_index`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.bundle import STARTER, Bundle
from infinitedance_cli.models.dance_index.base import EmbeddedClip, IndexedClip
from infinitedance_cli.models.dance_index.file import FileIndex, embedded_clips

SIZE, PER_CLIP, STRIDE, CLUSTERS, DIRECTIONS = 256, 100, 8, 3_000, 32
GENRES = tuple(f"genre{number:02d}" for number in range(30))

Draw = Callable[[int, np.random.Generator], NDArray[np.float32]]


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def by_parts(draw: Draw) -> Draw:
    def all_parts(count: int, random: np.random.Generator) -> NDArray[np.float32]:
        rows = np.empty((count, SIZE), np.float32)
        for first in range(0, count, 50_000):
            part = rows[first : first + 50_000]
            part[:] = unit(draw(len(part), random))
        return rows

    return all_parts


def starter_like() -> Draw:
    """Mixtures of two embeddings of the starter's dances, with half their spread as noise, in 256 channels."""
    index = Bundle.named(STARTER).index
    assert isinstance(index, FileIndex)
    real = np.concatenate([clip.vectors for clip in embedded_clips(index)]).astype(np.float32)
    axes = np.linalg.svd(real - real.mean(0), full_matrices=False)
    spread = (axes[2] * axes[1][:, None] / np.sqrt(len(real))).astype(np.float32)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((SIZE, real.shape[1])))[0].T.astype(np.float32)

    def draw(count: int, random: np.random.Generator) -> NDArray[np.float32]:
        share = random.random((count, 1), np.float32) / 2
        rows = (1 - share) * real[random.integers(len(real), size=count)]
        rows += share * real[random.integers(len(real), size=count)]
        rows += 0.5 * random.standard_normal((count, len(spread)), np.float32) @ spread
        return rows @ turn + 0.005 * random.standard_normal((count, SIZE), np.float32)

    return by_parts(draw)


def clustered() -> Draw:
    """Clusters that overlap: they vary in `DIRECTIONS` directions, and a little in all."""
    fixed = np.random.default_rng(2)
    centres = fixed.standard_normal((CLUSTERS, DIRECTIONS), np.float32)
    spread = fixed.standard_normal((DIRECTIONS, SIZE), np.float32) / np.sqrt(np.float32(DIRECTIONS))

    def draw(count: int, random: np.random.Generator) -> NDArray[np.float32]:
        inner = centres[random.integers(CLUSTERS, size=count)]
        inner += 0.6 * random.standard_normal(inner.shape, np.float32)
        return inner @ spread + 0.1 * random.standard_normal((count, SIZE), np.float32)

    return by_parts(draw)


def off_the_entries(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Queries that have an offset in common, and some noise: music is embedded beside the dances, not among them."""
    random = np.random.default_rng(3)
    offset = unit(random.standard_normal((1, SIZE), np.float32))
    return unit(rows + 0.8 * offset + 0.02 * random.standard_normal(rows.shape, np.float32))


def clips_of(rows: NDArray[np.float32], first: int = 0) -> Iterator[EmbeddedClip]:
    """Clips of a hundred windows; a third of them is of the commonest of thirty genres, few are of the rarest."""
    random = np.random.default_rng(first)
    shares = 1 / np.arange(1, len(GENRES) + 1)
    starts = np.arange(PER_CLIP, dtype=np.int32) * STRIDE
    steps = PER_CLIP * STRIDE + 88
    for number in range(len(rows) // PER_CLIP):
        genre = GENRES[random.choice(len(GENRES), p=shares / shares.sum())]
        codes = random.integers(0, 512, (steps, 3)).astype(np.int16)
        clip = IndexedClip(f"clip{first + number}", genre, codes, {"licence": "CC0"}, np.ones((steps, 2), np.float32))
        yield EmbeddedClip(clip, starts, rows[number * PER_CLIP : (number + 1) * PER_CLIP])
