"""Writes clips into a folder of shards; stopped at any moment, it loses at most what was not yet committed."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.stream.facts import ClipFacts
from infinitedance_cli.stream.files import LOCK, clear_failure, locked_folder
from infinitedance_cli.stream.shard_index import (
    HEADER_BYTES,
    INDEX,
    RECORD,
    TEXTS,
    ShardEntry,
    ShardIndex,
    header,
    new_record,
    shard_name,
)

logger = logging.getLogger(__name__)

SHARD_BYTES = 1_000_000_000
_COMMIT_BYTES, _COMMIT_S = 64_000_000, 5.0
_REMEMBERED = 100_000
"""New clips that are kept in mind before the index is opened again."""


class ShardWriter:
    """Appends clips to a folder of shards, which is made where there is none; a shard takes up to `shard_bytes`.

    Clips go to the last shard, or to a new one when that is full; full shards are not touched again. What a writer
    left behind that died is cut off first: an image without a record counts for nothing. Leaving the `with` block
    commits, also by an error.

    Raises UsageError when another writer has the folder or it holds other files; BadInput when its index is damaged;
    StageFailed when it cannot be written.
    """

    _shard: BinaryIO
    _texts: BinaryIO
    _index_file: BinaryIO

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder, self.shard_bytes = Path(folder), shard_bytes
        self._shard_number = self._shard_end = self._text_end = self._pending_bytes = self.added = 0
        self._pending: list[bytes] = []
        self._names: set[str] = set()
        self._hashes: set[bytes] = set()
        self._committed_at = time.monotonic()
        self._failed = False

    def __enter__(self) -> ShardWriter:
        _make_folder(self.folder)
        with ExitStack() as lock:
            lock.enter_context(locked_folder(self.folder))
            with clear_failure(self.folder):
                self._open()
            self._lock = lock.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._failed:
                self.commit()
        finally:
            for file in (self._shard, self._texts, self._index_file):
                _close(file)
            self._lock.close()

    def has_image(self, sha256: bytes) -> bool:
        """Whether a clip with exactly this content is there; of those written before, by eight bytes of the hash."""
        if sha256 in self._hashes:
            return True
        first, known = np.uint64(int.from_bytes(sha256[:8], "little")), self._before.hashes
        place = int(np.searchsorted(known, first))
        return place < len(known) and bool(known[place] == first)

    def has_name(self, clip_id: str) -> bool:
        """Whether there is a clip of this name."""
        return clip_id in self._names or self._before.find(clip_id) is not None

    def before(self) -> Iterator[ShardEntry]:
        """The clips that were there when this writer came."""
        return self._before.entries()

    def add(self, image: bytes, facts: ClipFacts) -> None:
        """Appends a clip. Raises StageFailed when it cannot be written."""
        if self._shard_end and self._shard_end + len(image) > self.shard_bytes:
            self.commit()
            self._next_shard()
        self._failed = True
        sha256 = hashlib.sha256(image).digest()
        record, line = new_record(facts, sha256, self._shard_number, self._shard_end, len(image), self._text_end)
        with clear_failure(self.folder / shard_name(self._shard_number)):
            self._shard.write(image)
        with clear_failure(self.folder / TEXTS):
            self._texts.write(line)
        self._shard_end += len(image)
        self._text_end += len(line)
        self._pending.append(record)
        self._pending_bytes += len(image)
        self._names.add(facts.clip_id)
        self._hashes.add(sha256)
        self.added += 1
        self._failed = False
        if self._pending_bytes > _COMMIT_BYTES or time.monotonic() - self._committed_at > _COMMIT_S:
            self.commit()

    def commit(self) -> None:
        """Makes what was added so far last, records last of all. Raises StageFailed when the disk is full."""
        self._failed = True
        if self._pending:
            with clear_failure(self.folder):
                for file in (self._shard, self._texts):
                    _sync(file)
                self._index_file.write(b"".join(self._pending))
                _sync(self._index_file)
            self._pending.clear()
            if len(self._names) > _REMEMBERED:
                self._before = ShardIndex(self.folder)
                self._names.clear()
                self._hashes.clear()
        self._pending_bytes, self._committed_at, self._failed = 0, time.monotonic(), False

    def _open(self) -> None:
        path = self.folder / INDEX
        if not path.exists() or path.stat().st_size < HEADER_BYTES:
            self._refuse_damaged_index(0)
            path.write_bytes(header())
        self._before = ShardIndex(self.folder)
        count = len(self._before)
        self._text_end = self._before.text_end
        if count:
            last = self._before.records[-1]
            self._shard_number = int(last["shard"])
            self._shard_end = int(last["offset"]) + int(last["size"])
        self._refuse_damaged_index(self._shard_number + 2 if count else 1)
        shard = self.folder / shard_name(self._shard_number)
        if self._shard_end and (not shard.is_file() or shard.stat().st_size < self._shard_end):
            logger.warning("%s: is shorter than the index says; idance dataset verify names what is lost", shard)
            self._shard_number, self._shard_end = self._shard_number + 1, 0
        self._index_file = _opened(path, HEADER_BYTES + count * RECORD.itemsize)
        self._texts = _opened(self.folder / TEXTS, self._text_end)
        self._shard = _opened(self.folder / shard_name(self._shard_number), self._shard_end)

    def _refuse_damaged_index(self, unexpected: int) -> None:
        """Raises BadInput where a shard is there that no writer that died can have left: it would be lost."""
        if (self.folder / shard_name(unexpected)).exists():
            raise BadInput(
                f"{self.folder / INDEX}: the index is damaged: it knows less than the shards that are there; "
                "build it anew: idance dataset shard SHARDS -o NEW"
            )

    def _next_shard(self) -> None:
        _close(self._shard)
        self._shard_number, self._shard_end = self._shard_number + 1, 0
        with clear_failure(self.folder):
            self._shard = _opened(self.folder / shard_name(self._shard_number), 0)


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; shards go to a folder")
    if not folder.parent.is_dir():
        raise UsageError(f"{folder}: there is no folder {folder.parent}; make it first")
    if folder.is_dir() and not (folder / INDEX).exists() and any(one.name != LOCK for one in folder.iterdir()):
        raise UsageError(f"{folder}: holds other files; name a new folder, or one of shards")
    with clear_failure(folder):
        folder.mkdir(exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{folder}: is not writable; choose another output")


def _opened(path: Path, end: int) -> BinaryIO:
    """A file to append to after byte `end`; what stands there after it is cut off."""
    path.touch()
    file = open(path, "r+b")  # noqa: SIM115  # closed by the writer
    file.truncate(end)
    file.seek(end)
    return file


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _close(file: BinaryIO) -> None:
    """Closes a file whose content is committed; what could not be flushed was never counted."""
    try:
        file.close()
    except OSError as error:
        logger.debug("%s", error)
