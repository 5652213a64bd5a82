"""The index of a folder of shards: two files that only grow, so that adding clips rewrites nothing.

::

    clips.index    64 bytes that say what this is, then 88 bytes for each clip: where its image is, how large, its hash,
                   frames, frame rate, and where its line is
    clips.jsonl    one line of JSON for each clip: name, genre, song, source, performer, licence, figures

A clip counts when its record is complete; the writer appends the image first, its line next, its record last. Both are
mapped into memory, and nothing but what is asked for is read.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stream.facts import ClipFacts, from_texts, to_texts

INDEX, TEXTS = "clips.index", "clips.jsonl"
HEADER_BYTES = 64
_MAGIC, _VERSION = b"idance-shards", 1
RECORD = np.dtype(
    [
        ("offset", "<u8"),
        ("size", "<u8"),
        ("text_offset", "<u8"),
        ("name_hash", "<u8"),
        ("sha256", "u1", (32,)),
        ("shard", "<u4"),
        ("frames", "<u4"),
        ("text_size", "<u4"),
        ("fps", "<f4"),
        ("reserved", "<u4"),
        ("check", "<u4"),
    ]
)
_UNCHECKED = RECORD.itemsize - 4


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One clip of a folder of shards: number `number` (from 0), `size` bytes from byte `offset` of shard `shard`."""

    number: int
    shard: int
    offset: int
    size: int
    sha256: str
    facts: ClipFacts


def shard_name(shard: int) -> str:
    """The file name of a shard."""
    return f"shard-{shard:06d}.h5"


def header() -> bytes:
    """The first bytes of an index."""
    return (_MAGIC + b"\0" + _VERSION.to_bytes(2, "little") + RECORD.itemsize.to_bytes(2, "little")).ljust(
        HEADER_BYTES, b"\0"
    )


def name_hash(clip_id: str) -> int:
    """Eight bytes of a clip's name, by which it is found."""
    return int.from_bytes(hashlib.blake2b(clip_id.encode(), digest_size=8).digest(), "little")


def new_record(
    facts: ClipFacts, sha256: bytes, shard: int, offset: int, size: int, text_offset: int
) -> tuple[bytes, bytes]:
    """The record and the line of a clip."""
    line = json.dumps(to_texts(facts), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    record = np.zeros((), RECORD)
    values = {
        "offset": offset,
        "size": size,
        "text_offset": text_offset,
        "name_hash": name_hash(facts.clip_id),
        "sha256": np.frombuffer(sha256, np.uint8),
        "shard": shard,
        "frames": facts.frames,
        "text_size": len(line),
        "fps": facts.fps,
    }
    for name, value in values.items():
        record[name] = value
    record["check"] = _checksum(record.tobytes(), line)
    return record.tobytes(), line


def _checksum(record: bytes, line: bytes) -> int:
    return zlib.crc32(line, zlib.crc32(record[:_UNCHECKED]))


class ShardIndex:
    """What is in a folder of shards; opening it reads nothing but the header.

    Raises BadInput when there is no index, or another version's, or its two files do not belong together.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / INDEX
        try:
            size = path.stat().st_size
            with open(path, "rb") as file:
                _check_header(path, file.read(HEADER_BYTES))
            count = (size - HEADER_BYTES) // RECORD.itemsize
            self.records: NDArray[Any] = (
                np.memmap(path, RECORD, "r", HEADER_BYTES, (count,)) if count else np.zeros(0, RECORD)
            )
            self._texts = _mapped(folder / TEXTS) if count else b""
        except OSError as error:
            raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error
        if count and self.text_end > len(self._texts):
            raise BadInput(
                f"{folder / TEXTS}: found {len(self._texts)} bytes, expected {self.text_end}: it was cut; "
                "build the index anew: idance dataset shard SHARDS -o NEW"
            )

    def __len__(self) -> int:
        return len(self.records)

    @property
    def text_end(self) -> int:
        """Bytes of the lines of all clips."""
        return int(self.records[-1]["text_offset"]) + int(self.records[-1]["text_size"]) if len(self) else 0

    def entry(self, number: int) -> ShardEntry:
        """The clip `number`. Raises BadInput when its line is damaged, IndexError when there is none."""
        record = self.records[number]
        line = self._line(record)
        try:
            facts = from_texts(json.loads(line), int(record["frames"]), float(record["fps"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{self.folder / TEXTS}: the line of clip {number + 1} is damaged ({error})") from error
        place = (int(record["shard"]), int(record["offset"]), int(record["size"]))
        return ShardEntry(number % len(self), *place, record["sha256"].tobytes().hex(), facts)

    def entries(self) -> Iterator[ShardEntry]:
        """All clips, in the order in which they were written."""
        for number in range(len(self)):
            yield self.entry(number)

    def is_whole(self, number: int) -> bool:
        """Whether what the index says of a clip is what was written."""
        record = self.records[number]
        return _checksum(record.tobytes(), self._line(record)) == int(record["check"])

    def find(self, clip_id: str) -> int | None:
        """The number of the clip of this name."""
        hashes, order = self._by_name
        wanted = np.uint64(name_hash(clip_id))
        first = int(np.searchsorted(hashes, wanted))
        for place in range(first, len(hashes)):
            if hashes[place] != wanted:
                break
            if self.entry(int(order[place])).facts.clip_id == clip_id:
                return int(order[place])
        return None

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """The first eight bytes of each clip's hash, sorted."""
        return np.sort(self.records["sha256"][:, :8].copy().view("<u8").reshape(-1))

    @cached_property
    def _by_name(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        names = self.records["name_hash"]
        order = np.argsort(names, kind="stable")
        return names[order], order

    def _line(self, record: Any) -> bytes:
        first = int(record["text_offset"])
        return bytes(self._texts[first : first + int(record["text_size"])])


def _check_header(path: Path, found: bytes) -> None:
    expected = header()
    if not found.startswith(_MAGIC):
        raise BadInput(f"{path}: is no index of clips")
    if found != expected:
        version = int.from_bytes(found[len(_MAGIC) + 1 : len(_MAGIC) + 3], "little")
        raise BadInput(f"{path}: the index has version {version}; this idance reads {_VERSION}")


def _mapped(path: Path) -> mmap.mmap | bytes:
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
