"""Segments written from clips, or from other segments."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, StageFailed
from infinitedance_cli.models.dance_index.base import EmbeddedClip
from infinitedance_cli.models.dance_index.manifest import GenreRows, Parameters, SegmentEntry
from infinitedance_cli.models.dance_index.searchers import (
    built_graph,
    empty_copy,
    fill,
    trained_lists,
    write_searcher,
)
from infinitedance_cli.models.dance_index.segment import ARRAYS, RECORD, SEARCHER, TEXTS, Segment, line_of, record_of


@dataclass(frozen=True)
class _Size:
    clips: int
    windows: int
    steps: int


def write_segment(
    folder: Path,
    name: str,
    clips: Sequence[EmbeddedClip],
) -> SegmentEntry:
    """Write clips as a segment without a searcher. Raises StageFailed when the disk is full, BadInput as `_Arrays`."""
    ordered = sorted(clips, key=lambda one: one.clip.genre)
    size = _Size(len(clips), sum(len(one.starts) for one in clips), sum(len(one.clip.codes) for one in clips))
    return _write(folder, name, iter(ordered), size, Parameters(), None)


def merge_segments(
    folder: Path, name: str, segments: Sequence[Segment], parameters: Parameters, like: Segment | None = None
) -> SegmentEntry:
    """Write what is left of `segments` as one, with a searcher of these parameters.

    Lists are trained anew, or take centres and codes of the segment `like`. Only what is being copied is in memory.
    Raises StageFailed when the disk is full.
    """
    kept = [(part, clip) for part in segments for clip in np.setdiff1d(np.arange(part.entry.clips), part.entry.removed)]
    genre_of = [_genre_numbers(part) for part in segments]
    numbers = {id(part): number for number, part in enumerate(segments)}
    kept.sort(key=lambda one: genre_of[numbers[id(one[0])]][int(one[1])])
    records = [part.records[clip] for part, clip in kept]
    size = _Size(len(kept), sum(int(one["rows"]) for one in records), sum(int(one["steps"]) for one in records))
    return _write(folder, name, (_embedded(part, int(clip)) for part, clip in kept), size, parameters, like)


def _genre_numbers(segment: Segment) -> list[str]:
    names = [""] * segment.entry.clips
    for genre, rows in segment.entry.genres.items():
        names[rows.first_clip : rows.end_clip] = [genre] * (rows.end_clip - rows.first_clip)
    return names


def _embedded(segment: Segment, number: int) -> EmbeddedClip:
    first, end = segment.clip_rows(number)
    return EmbeddedClip(segment.clip(number), segment.windows[first:end, 1], segment.vectors[first:end])


def _write(
    folder: Path, name: str, clips: Iterator[EmbeddedClip], size: _Size, parameters: Parameters, like: Segment | None
) -> SegmentEntry:
    place = folder / name
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        genres = _write_arrays(place, clips, size)
        vectors = np.load(place / "vectors.npy", mmap_mode="r")
        parameters = _write_searcher(place / SEARCHER, vectors, parameters, like)
        for path in sorted(place.iterdir()):
            _sync(path)
        _sync(place)
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise StageFailed(
            f"{place}: cannot be written ({error.strerror or error}); free space or choose another output"
        ) from error
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    files = {path.name: path.stat().st_size for path in sorted(place.iterdir())}
    return SegmentEntry(name, size.clips, size.windows, parameters, genres, files)


def _write_arrays(place: Path, clips: Iterator[EmbeddedClip], size: _Size) -> dict[str, GenreRows]:
    writer: _Arrays | None = None
    with open(place / TEXTS, "wb") as texts:
        for one in clips:
            if writer is None:
                writer = _Arrays(place, size, one.vectors.shape[1], one.clip.codes.shape[1])
            writer.add(one, texts)
    assert writer is not None, "a segment has one clip or more"
    return writer.close()


class _Arrays:
    """The arrays of a segment, filled clip by clip. Raises BadInput when an embedding is not finite."""

    def __init__(self, place: Path, size: _Size, dimension: int, codebooks: int) -> None:
        shapes: dict[str, tuple[tuple[int, ...], Any]] = {
            "vectors.npy": ((size.windows, dimension), np.float16),
            "windows.npy": ((size.windows, 2), np.int32),
            "codes.npy": ((size.steps, codebooks), np.int16),
            "movement.npy": ((size.steps, 2), np.float16),
            "clips.npy": ((size.clips,), RECORD),
        }
        self._files = [_Growing(place / name, *shapes[name]) for name in ARRAYS]
        self._clips = self._rows = self._steps = self._text = 0
        self._genres: dict[str, GenreRows] = {}
        self._speeds: Counter[str] = Counter()

    def add(self, one: EmbeddedClip, texts: BinaryIO) -> None:
        if not np.isfinite(one.vectors).all():
            raise BadInput("an embedding is not finite; the retriever's weights are damaged")
        clip, line = one.clip, line_of(one.clip)
        windows = np.stack((np.full(len(one.starts), self._clips), one.starts), axis=1)
        record = record_of(self._steps, self._rows, self._text, clip, len(one.starts), line)
        added: tuple[NDArray[Any], ...] = (one.vectors, windows, clip.codes, clip.movement, record[None])
        for file, rows in zip(self._files, added, strict=True):
            file.append(rows)
        texts.write(line)
        before = self._genres.get(clip.genre, GenreRows(self._clips, 0, self._rows, 0, 0, 0.0))
        self._clips, self._rows = self._clips + 1, self._rows + len(one.starts)
        self._steps, self._text = self._steps + len(clip.codes), self._text + len(line)
        self._speeds[clip.genre] += float(clip.movement[:, 1].sum(dtype=np.float64))  # type: ignore[assignment]
        self._genres[clip.genre] = replace(
            before, end_clip=self._clips, end_row=self._rows, steps=before.steps + len(clip.codes)
        )

    def close(self) -> dict[str, GenreRows]:
        for file in self._files:
            file.close()
        return {name: replace(rows, speed=self._speeds[name] / rows.steps) for name, rows in self._genres.items()}


class _Growing:
    """A .npy file of known shape that is written from its beginning to its end."""

    def __init__(self, path: Path, shape: tuple[int, ...], kind: Any) -> None:
        self._kind = np.dtype(kind)
        self._file = open(path, "wb")  # noqa: SIM115
        header = {"descr": np.lib.format.dtype_to_descr(self._kind), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, rows: NDArray[Any]) -> None:
        self._file.write(np.ascontiguousarray(rows, self._kind).tobytes())

    def close(self) -> None:
        self._file.close()


def _write_searcher(
    path: Path, vectors: NDArray[np.float16], parameters: Parameters, like: Segment | None
) -> Parameters:
    if parameters.kind == "exact":
        return parameters
    if parameters.kind == "graph":
        write_searcher(built_graph(vectors, parameters), path)
        return parameters
    if like is not None:
        lists, parameters = empty_copy(like.folder / SEARCHER), like.entry.parameters
    else:
        lists, parameters = trained_lists(vectors, parameters)
    fill(lists, vectors)
    write_searcher(lists, path)
    return parameters


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
