"""A million windows in the retrieval index: time of a search for ten, and how many of the ten nearest it finds.

The entries are made up: unit vectors in clusters, as windows of songs and dances are. Queries are entries with noise.
`python -m tests.benchmarks.bench_index [ENTRIES]`; building takes minutes.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.dance_index import DanceIndex, IndexedClip, build_index

ENTRIES, CLUSTERS, QUERIES, NEAREST = 1_000_000, 3_000, 200, 10
CLIPS, DIRECTIONS = 10_000, 32
GENRES = tuple(f"genre{number}" for number in range(30))
TARGET_S = 0.02


@dataclass(frozen=True)
class Figures:
    """Median and worst seconds of a search, and the share of the true nearest that were found."""

    median_s: float
    worst_s: float
    recall: float


def clustered(count: int, size: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Unit vectors (count, size) in clusters that overlap: they vary in `DIRECTIONS` directions, and a little in all.

    Learned embeddings use far fewer directions than they have channels; clusters in all of them would lie so far apart
    that any search finds them.
    """
    centres = random.standard_normal((CLUSTERS, DIRECTIONS), np.float32)
    spread = random.standard_normal((DIRECTIONS, size), np.float32) / np.sqrt(np.float32(DIRECTIONS))
    rows = np.empty((count, size), np.float32)
    for first in range(0, count, 50_000):
        part = rows[first : first + 50_000]
        inner = centres[random.integers(CLUSTERS, size=len(part))]
        inner += 0.6 * random.standard_normal(inner.shape, np.float32)
        part[:] = inner @ spread + 0.1 * random.standard_normal(part.shape, np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def made_up_index(rows: NDArray[np.float32]) -> DanceIndex:
    """An index of these entries, spread over clips of thirty genres."""
    codes = np.zeros((500, 3), np.int16)
    clips = [
        IndexedClip(f"clip{n}", GENRES[n % len(GENRES)], codes, {"licence": "CC0"}, np.zeros((len(codes), 2)))
        for n in range(CLIPS)
    ]
    windows = np.stack((np.arange(len(rows)) % CLIPS, np.arange(len(rows)) // CLIPS), axis=1)
    return build_index(clips, windows.astype(np.int32), rows, 96, {})


def measured(
    index: DanceIndex, rows: NDArray[np.float32], queries: NDArray[np.float32], genre: str | None = None
) -> Figures:
    """Search for each query alone, as generating does, and compare with every entry."""
    genres = np.arange(len(rows)) % CLIPS % len(GENRES)
    allowed = np.flatnonzero(genres == GENRES.index(genre)) if genre else np.arange(len(rows))
    seconds, right = [], 0
    for query in queries:
        before = time.perf_counter()
        (hits,) = index.search(query[None], NEAREST, genre=genre, without={"clip7"} if genre else ())
        seconds.append(time.perf_counter() - before)
        scores = rows[allowed] @ query if genre else rows @ query
        if genre:
            scores[allowed % CLIPS == 7] = -np.inf
        true = set(allowed[np.argpartition(-scores, NEAREST)[:NEAREST]].tolist())
        right += len(true & {hit.clip + CLIPS * hit.start_step for hit in hits})
    return Figures(statistics.median(seconds), max(seconds), right / NEAREST / len(queries))


def main(count: int) -> None:
    """Print one row for each width and kind of search."""
    for size in (128, 256):
        random = np.random.default_rng(0)
        rows = clustered(count, size, random)
        before = time.perf_counter()
        index = made_up_index(rows)
        print(f"{count:,} entries of {size}: built in {time.perf_counter() - before:.0f} s", file=sys.stderr)
        queries = rows[random.integers(count, size=QUERIES)]
        queries = queries + 0.3 * random.standard_normal(queries.shape, np.float32) / np.sqrt(np.float32(size))
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        for kind, genre in (("all", None), ("one genre of thirty, without one clip", GENRES[7])):
            found = measured(index, rows, queries, genre)
            print(
                f"| search of {count:,} × {size}, {kind}: median, worst of {QUERIES}, recall@{NEAREST} | "
                f"{1000 * found.median_s:.1f} ms, {1000 * found.worst_s:.1f} ms, {found.recall:.3f} | "
                f"≤ {1000 * TARGET_S:.0f} ms |"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES)
