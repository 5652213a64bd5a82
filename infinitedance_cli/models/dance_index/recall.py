"""How many of the nearest a search finds, measured against comparing with every entry."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.dance_index.folder import FolderIndex, OpenSegment, Scored, nearest
from infinitedance_cli.models.dance_index.manifest import Parameters

NEAREST = 10
TARGET = 0.95
_AIM = 0.99
"""The search is widened until so many are found, so that entries which come later leave it above the target."""
_QUERIES = 200
_DEPTHS = (50, 100, 200, 400)
_COMPARED_ROWS = 32_768


@dataclass(frozen=True)
class Probe:
    """A window to search for: its vector (E,), and the segment, clip and genre that it comes from."""

    vector: NDArray[np.float32]
    segment: int
    clip: int
    genre: str


def probes_of(index: FolderIndex, seed: int = 0) -> list[Probe]:
    """Windows drawn from all of the index, as queries that must not find their own clip."""
    random = np.random.default_rng(seed)
    counts = np.array([entry.windows for entry in index.manifest.segments])
    drawn = random.choice(len(counts), size=_QUERIES, p=counts / counts.sum())
    probes = []
    for number in drawn.tolist():
        segment = index.segments[number]
        row = int(random.integers(counts[number]))
        clip = int(segment.windows[row, 0])
        genre = next(name for name, rows in segment.entry.genres.items() if rows.first_row <= row < rows.end_row)
        probes.append(Probe(segment.vectors[row].astype(np.float32), number, clip, genre))
    return probes


def recall(index: FolderIndex, *, filtered: bool = False) -> float:
    """recall@10 of windows that are searched for without their own clip; `filtered`: within their own genre."""
    if all(entry.parameters.kind == "exact" for entry in index.manifest.segments):
        return 1.0
    probes = probes_of(index)
    found: list[list[tuple[float, int, int]]] = [[] for _ in probes]
    true: list[list[tuple[float, int, int]]] = [[] for _ in probes]
    for number, segment in enumerate(index.segments):
        truth = _truth(segment, number, probes, filtered)
        for place, probe in enumerate(probes):
            rows = segment.rows_of(probe.genre if filtered else None)
            ((scores, lines),) = segment.search(probe.vector[None], NEAREST, rows, _unwanted(segment, number, probe))
            found[place] += [(-float(s), number, int(row)) for s, row in zip(scores, lines, strict=True)]
            true[place] += [(-float(s), number, int(row)) for s, row in zip(*truth[place], strict=True)]
    right = total = 0
    for mine, exact in zip(found, true, strict=True):
        wanted = {hit[1:] for hit in sorted(exact)[:NEAREST]}
        right += len(wanted & {hit[1:] for hit in sorted(mine)[:NEAREST]})
        total += len(wanted)
    return right / total if total else 1.0


def tuned(segment: OpenSegment, number: int, probes: list[Probe]) -> Parameters:
    """The parameters of a segment with the least breadth that finds 99 of 100 of its own nearest.

    The breadth doubles until they are found or everything is looked at; the least sufficient depth goes with it.
    """
    parameters = segment.entry.parameters
    if parameters.kind == "exact":
        return parameters
    truth = [set(rows.tolist()) for _, rows in _truth(segment, number, probes, False)]
    everything, rows = segment.searcher.everything, segment.rows_of(None)
    breadth = max(1, everything // 256) if parameters.kind == "lists" else NEAREST
    while True:
        found = dict.fromkeys(_DEPTHS, 0)
        for probe, wanted in zip(probes, truth, strict=True):
            gone = _unwanted(segment, number, probe)
            (line,) = segment.candidates(probe.vector[None], _DEPTHS[-1], rows, gone, breadth)
            for depth in _DEPTHS:
                found[depth] += len(wanted & set(line[:depth].tolist()))
        enough = [depth for depth in _DEPTHS if found[depth] >= _AIM * sum(map(len, truth))]
        if enough or breadth >= everything:
            return replace(parameters, breadth=breadth, depth=min(enough, default=_DEPTHS[-1]), tuned=True)
        breadth = min(everything, 2 * breadth)


def _unwanted(segment: OpenSegment, number: int, probe: Probe) -> list[tuple[int, int]]:
    """Rows that a window may not find: removed ones, and those of its own clip."""
    own = [segment.clip_rows(probe.clip)] if probe.segment == number else []
    return sorted({*segment.removed_rows, *own})


def _truth(segment: OpenSegment, number: int, probes: list[Probe], filtered: bool) -> list[Scored]:
    """The nearest of a segment to each query, all rows compared in one pass."""
    queries = np.stack([probe.vector for probe in probes])
    best = [(np.zeros(0, np.float32), np.zeros(0, np.int64)) for _ in probes]
    for first in range(0, len(segment.vectors), _COMPARED_ROWS):
        block = segment.vectors[first : first + _COMPARED_ROWS].astype(np.float32)
        scores, rows = queries @ block.T, np.arange(first, first + len(block))
        for place, probe in enumerate(probes):
            line, (low, high) = scores[place], segment.rows_of(probe.genre if filtered else None)
            for start, end in ((0, low), (high, len(segment.vectors)), *_unwanted(segment, number, probe)):
                line[max(0, start - first) : max(0, end - first)] = -np.inf
            best[place] = nearest(best[place], (line, rows), NEAREST)
    return best
