"""A segment of an index folder: clips and their windows, written once and mapped into memory.

Clips stand in order of genre, and windows in order of clips, so that the windows of a genre or of a clip are one range
of rows: a filter is a range, not a list. Nothing but what is asked for is read.

::

    vectors.npy    (N, E) float16, unit embeddings
    windows.npy    (N, 2) int32, clip of the segment and first step
    codes.npy      (S, Q) int16        movement.npy  (S, 2) float16
    clips.npy      one record for each clip: where its steps, windows and line are, and hashes to find it by
    clips.jsonl    one line of JSON for each clip: id, genre, provenance
    searcher.faiss the lists or the graph, where there are any
"""

from __future__ import annotations

import hashlib
import json
import mmap
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.dance_index.base import IndexedClip
from infinitedance_cli.models.dance_index.manifest import GenreRows, SegmentEntry

ARRAYS = ("vectors.npy", "windows.npy", "codes.npy", "movement.npy", "clips.npy")
TEXTS, SEARCHER = "clips.jsonl", "searcher.faiss"
RECORD = np.dtype(
    [
        ("first_step", "<u8"),
        ("first_row", "<u8"),
        ("text", "<u8"),
        ("name", "<u8"),
        ("source", "<u8"),
        ("steps", "<u4"),
        ("rows", "<u4"),
        ("text_bytes", "<u4"),
        ("reserved", "<u4"),
    ]
)
NO_GENRE_ROWS = GenreRows(0, 0, 0, 0, 0, 0.0)


def name_hash(name: str) -> int:
    """Eight bytes of the hash of a clip's or source's name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


class Segment:
    """An open segment. Raises BadInput when a file is missing or not as long as the manifest says."""

    def __init__(self, folder: Path, entry: SegmentEntry) -> None:
        self.folder, self.entry = folder / entry.name, entry
        for name, expected in entry.files.items():
            path = self.folder / name
            found = path.stat().st_size if path.is_file() else 0
            if found != expected:
                raise BadInput(f"{path}: found {found} bytes, expected {expected}: the index is cut; {_AGAIN}")
        try:
            arrays = [np.load(self.folder / name, mmap_mode="r", allow_pickle=False) for name in ARRAYS]
            self.vectors, self.windows, self.codes, self.movement, self.records = arrays
            with open(self.folder / TEXTS, "rb") as file:
                self._texts = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise BadInput(f"{self.folder}: unreadable index ({error}); {_AGAIN}") from error
        counts = (len(self.vectors), len(self.windows), len(self.records))
        if counts != (entry.windows, entry.windows, entry.clips) or self.records.dtype != RECORD:
            raise BadInput(f"{self.folder}: unreadable index (its arrays do not belong together); {_AGAIN}")

    def rows_of(self, genre: str | None) -> tuple[int, int]:
        """First row of a genre, or of all, and the row after the last."""
        if genre is None:
            return 0, len(self.vectors)
        rows = self.entry.genres.get(genre, NO_GENRE_ROWS)
        return rows.first_row, rows.end_row

    def clip_rows(self, clip: int) -> tuple[int, int]:
        """The range of rows of a clip."""
        record = self.records[clip]
        return int(record["first_row"]), int(record["first_row"]) + int(record["rows"])

    def clip(self, number: int) -> IndexedClip:
        """The clip with its codes. Raises BadInput when its line is damaged."""
        record = self.records[number]
        first, size = int(record["text"]), int(record["text_bytes"])
        steps = slice(int(record["first_step"]), int(record["first_step"]) + int(record["steps"]))
        try:
            line = json.loads(self._texts[first : first + size])
            text = [str(line[key]) for key in ("clip_id", "genre", "content")]
            provenance = dict(line["provenance"])
        except (ValueError, LookupError, TypeError) as error:
            raise BadInput(f"{self.folder / TEXTS}: the line of clip {number + 1} is damaged; {_AGAIN}") from error
        movement = self.movement[steps].astype(np.float32)
        return IndexedClip(text[0], text[1], np.array(self.codes[steps]), provenance, movement, text[2])

    def named(self, clip_id: str) -> list[int]:
        """Numbers of the clips of this name that were not removed."""
        removed = set(self.entry.removed)
        found = self._matching("name", clip_id)
        return [number for number in found if number not in removed and self.clip(number).clip_id == clip_id]

    def of_source(self, source: str) -> list[int]:
        """Numbers of all clips made from a source."""
        return self._matching("source", source)

    @cached_property
    def removed_rows(self) -> list[tuple[int, int]]:
        """The ranges of rows that are found no more."""
        return [self.clip_rows(clip) for clip in self.entry.removed]

    def _matching(self, field: str, name: str) -> list[int]:
        hashes, order = self._order[field]
        wanted = np.uint64(name_hash(name))
        first, end = np.searchsorted(hashes, wanted, "left"), np.searchsorted(hashes, wanted, "right")
        return [int(number) for number in order[first:end]]

    @cached_property
    def _order(self) -> dict[str, tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """Hashes of names and of sources, sorted, with the clips that have them; made when first asked for."""
        orders = {}
        for field in ("name", "source"):
            hashes = np.asarray(self.records[field])
            order = np.argsort(hashes, kind="stable")
            orders[field] = (hashes[order], order)
        return orders


def record_of(first_step: int, first_row: int, text: int, clip: IndexedClip, rows: int, line: bytes) -> NDArray[Any]:
    """The record of a clip whose steps, windows and line begin at these places."""
    from infinitedance_cli.models.dance_index.base import source_of

    place = (first_step, first_row, text, name_hash(clip.clip_id), name_hash(source_of(clip.clip_id)))
    return np.array((*place, len(clip.codes), rows, len(line), 0), RECORD)


def line_of(clip: IndexedClip) -> bytes:
    """The line of a clip."""
    values = {"clip_id": clip.clip_id, "genre": clip.genre, "provenance": dict(clip.provenance)}
    return json.dumps({**values, "content": clip.content}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


_AGAIN = "build it again with `idance build-index`"
