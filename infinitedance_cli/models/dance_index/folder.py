"""An index in a folder: segments mapped into memory, each searched in its own way, the hits merged."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.dance_index.base import DanceIndex, Hit, IndexedClip, source_of
from infinitedance_cli.models.dance_index.manifest import MANIFEST, Manifest, SegmentEntry, read_manifest
from infinitedance_cli.models.dance_index.searchers import Searcher, scanned
from infinitedance_cli.models.dance_index.segment import SEARCHER, Segment

_FEW_ENTRIES = 5_000
"""Where a filter leaves no more than this of a segment, every one of them is compared."""
_FETCHED_TOO_MUCH = 1_000
"""Up to so many unwanted rows are fetched and dropped; more are told to faiss, entry by entry."""
_FITTED_STEPS, _FITTED_BLOCK = 400_000, 4_000
_TRIES = 5

Scored = tuple[NDArray[np.float32], NDArray[np.int64]]


class OpenSegment(Segment):
    """A segment that can be searched."""

    @cached_property
    def searcher(self) -> Searcher:
        """The lists or the graph. Raises BadInput when it is damaged."""
        path = self.folder / SEARCHER
        try:
            searcher = Searcher(path, self.entry.parameters)
        except (RuntimeError, OSError) as error:
            line = " ".join(str(error).split())
            raise BadInput(f"{path}: unreadable index ({line}); build it again with `idance build-index`") from error
        if searcher.size != self.entry.windows:
            raise BadInput(
                f"{path}: unreadable index (found {searcher.size} entries, expected {self.entry.windows}); "
                "build it again with `idance build-index`"
            )
        return searcher

    def search(
        self,
        queries: NDArray[np.float32],
        count: int,
        rows: tuple[int, int],
        unwanted: Sequence[tuple[int, int]],
    ) -> list[Scored]:
        """For each query (B, E) scores and rows of the nearest `count` within the range `rows`, best first.

        `unwanted` are ranges of rows to leave out.
        """
        first, end = rows
        unwanted = [
            (max(first, low), min(end, high)) for low, high in sorted(set(unwanted)) if low < end and high > first
        ]
        left = (end - first) - sum(high - low for low, high in unwanted)
        if left <= 0:
            return [(np.zeros(0, np.float32), np.zeros(0, np.int64)) for _ in queries]
        if self.entry.parameters.kind == "exact" or left <= max(_FEW_ENTRIES, count):
            ranges, most = list(_between(rows, unwanted)), min(count, left)
            return [self._compared(query, scanned(self.vectors, query, most, ranges), count) for query in queries]
        parameters, everything = self.entry.parameters, self.searcher.everything
        # The rarer the wanted entries, the farther apart they lie; a graph is walked through unwanted ones, too.
        thinned = len(self.vectors) / left
        widened = (
            max(parameters.breadth, parameters.depth) * thinned
            if parameters.links
            else parameters.breadth * thinned**0.5
        )
        breadth = min(everything, int(widened))
        depth = max(parameters.depth, 2 * count)
        found = self.candidates(queries, depth, rows, unwanted, breadth)
        if min(map(len, found)) < count:
            found = self.candidates(queries, depth, rows, unwanted, everything)
        return [self._compared(query, line, count) for query, line in zip(queries, found, strict=True)]

    def candidates(
        self,
        queries: NDArray[np.float32],
        count: int,
        rows: tuple[int, int],
        unwanted: Sequence[tuple[int, int]],
        breadth: int,
    ) -> list[NDArray[np.int64]]:
        """Up to `count` rows that may be among the nearest, for each query; `unwanted` ranges do not overlap."""
        surplus, mask = sum(high - low for low, high in unwanted), None
        if surplus > _FETCHED_TOO_MUCH:
            mask, surplus = _mask(len(self.vectors), unwanted), 0
        found = self.searcher.candidates(queries, count + surplus, rows, mask, breadth)
        return [line[(line >= 0) & ~_inside(line, unwanted)][:count] for line in found]

    def _compared(self, query: NDArray[np.float32], rows: NDArray[np.int64], count: int) -> Scored:
        rows = np.sort(rows)
        scores = self.vectors[rows].astype(np.float32) @ query
        best = np.argsort(-scores, kind="stable")[:count]
        return scores[best], rows[best]


def nearest(one: Scored, other: Scored, count: int) -> Scored:
    """The best `count` of two lists of scores and rows; rows that score −∞ are left out."""
    scores, rows = np.concatenate((one[0], other[0])), np.concatenate((one[1], other[1]))
    if len(scores) > count:
        part = np.sort(np.argpartition(-scores, count - 1)[:count])
        scores, rows = scores[part], rows[part]
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(scores[order])]
    return scores[order], rows[order].astype(np.int64)


def _inside(rows: NDArray[np.int64], ranges: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which of sorted `rows` lie in one of the ranges, which are sorted and do not overlap."""
    inside = np.zeros(len(rows), bool)
    if ranges and len(rows):
        starts, ends = np.array(ranges).T
        place = np.searchsorted(starts, rows, "right") - 1
        inside = (place >= 0) & (rows < ends[place])
    return inside


def _between(rows: tuple[int, int], unwanted: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What is left of a range without the unwanted ones, which are sorted and do not overlap."""
    first = rows[0]
    for low, high in [*unwanted, (rows[1], rows[1])]:
        if first < low:
            yield first, low
        first = high


def _mask(count: int, ranges: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    mask = np.zeros(count, bool)
    for low, high in ranges:
        mask[low:high] = True
    return mask


class _Clips(Sequence[IndexedClip]):
    """The clips of all segments, read when asked for; removed ones keep their numbers."""

    def __init__(self, segments: Sequence[OpenSegment], firsts: NDArray[np.int64]) -> None:
        self._segments, self._firsts = segments, firsts

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @overload
    def __getitem__(self, number: int) -> IndexedClip: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[IndexedClip]: ...
    def __getitem__(self, number: int | slice) -> IndexedClip | Sequence[IndexedClip]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        place = range(len(self))[number]
        segment = int(np.searchsorted(self._firsts, place, "right")) - 1
        return self._segments[segment].clip(place - int(self._firsts[segment]))


class FolderIndex(DanceIndex):
    """The index in a folder as its manifest stands; what a writer does later is not seen. Raises as `Segment`."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest, self.window_steps, self.details = manifest, manifest.window_steps, dict(manifest.details)
        self.segments = [OpenSegment(folder, entry) for entry in manifest.segments]
        self._firsts = np.cumsum([0, *(entry.clips for entry in manifest.segments)])
        self.clips = _Clips(self.segments, self._firsts)
        self._removed = [segment.removed_rows for segment in self.segments]

    def __len__(self) -> int:
        gone = sum(high - low for ranges in self._removed for low, high in ranges)
        return sum(entry.windows for entry in self.manifest.segments) - gone

    @property
    def clip_count(self) -> int:
        """How many clips can be found."""
        return len(self.clips) - sum(len(entry.removed) for entry in self.manifest.segments)

    @property
    def genres(self) -> tuple[str, ...]:
        """See `DanceIndex.genres`."""
        found = {name for entry in self.manifest.segments for name in _genres_left(entry)}
        return tuple(sorted(found - {""}))

    def search(
        self, queries: NDArray[np.float32], count: int, *, genre: str | None = None, without: Collection[str] = ()
    ) -> list[list[Hit]]:
        """See `DanceIndex.search`; similarities are of vectors in half precision."""
        queries = np.ascontiguousarray(queries, np.float32)
        hits: list[list[Hit]] = [[] for _ in queries]
        for number, segment in enumerate(self.segments):
            rows = segment.rows_of(genre)
            if rows[0] == rows[1]:
                continue
            unwanted = [*self._removed[number], *self._rows_without(segment, without)]
            first_clip = int(self._firsts[number])
            for line, (scores, found) in zip(hits, segment.search(queries, count, rows, unwanted), strict=True):
                for score, (clip, start) in zip(scores, segment.windows[found], strict=True):
                    if not 0 <= clip < segment.entry.clips:
                        raise BadInput(f"{segment.folder}: a window is damaged; build the index again")
                    line.append(Hit(float(score), first_clip + int(clip), int(start)))
        return [sorted(line, key=lambda hit: -hit.similarity)[:count] for line in hits]

    def pace(self, genre: str) -> float:
        """See `DanceIndex.pace`; removed clips count until their segment is written anew."""
        rows = [entry.genres[genre] for entry in self.manifest.segments if genre in entry.genres]
        steps = sum(part.steps for part in rows)
        return sum(part.speed * part.steps for part in rows) / steps if steps else 0.0

    def _steps(self) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        blocks = [
            (segment, first) for segment in self.segments for first in range(0, len(segment.codes), _FITTED_BLOCK)
        ]
        chosen = blocks[:: max(1, len(blocks) * _FITTED_BLOCK // _FITTED_STEPS)]
        codes = [segment.codes[first : first + _FITTED_BLOCK] for segment, first in chosen]
        turns = [segment.movement[first : first + _FITTED_BLOCK, 0].astype(np.float32) for segment, first in chosen]
        return np.concatenate(codes), np.concatenate(turns)

    @staticmethod
    def _rows_without(segment: Segment, without: Collection[str]) -> Iterator[tuple[int, int]]:
        for source in {source_of(clip_id) for clip_id in without}:
            for number in segment.of_source(source):
                if source_of(segment.clip(number).clip_id) == source:
                    yield segment.clip_rows(number)


def _genres_left(entry: SegmentEntry) -> Iterator[str]:
    """Genres of a segment that have clips left."""
    for name, rows in entry.genres.items():
        gone = sum(rows.first_clip <= clip < rows.end_clip for clip in entry.removed)
        if rows.end_clip - rows.first_clip > gone:
            yield name


def open_folder(folder: Path) -> FolderIndex:
    """Open an index; reads the manifest and maps the rest.

    A writer may take segments away between reading the manifest and mapping them: then the manifest is another one,
    and is read again. Raises MissingResource or BadInput as `read_manifest` and `Segment`.
    """
    for _ in range(_TRIES):
        manifest = read_manifest(folder)
        stamp = (folder / MANIFEST).stat().st_mtime_ns
        try:
            return FolderIndex(folder, manifest)
        except BadInput:
            if read_manifest(folder) == manifest and (folder / MANIFEST).stat().st_mtime_ns == stamp:
                raise
            time.sleep(0.05)
    raise BadInput(f"{folder}: the index changes all the time; wait until nothing writes to it")
