"""Brings clips of many inputs together in a folder of shards or in one file, each clip once."""

from __future__ import annotations

import enum
import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from infinitedance_cli.errors import StageFailed, UsageError
from infinitedance_cli.stages.dataset.sources import Item
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import ClipFacts, facts_of
from infinitedance_cli.stream.files import NewFile, clear_failure
from infinitedance_cli.stream.shard_writer import ShardWriter

logger = logging.getLogger(__name__)

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Duplicates(enum.StrEnum):
    """What happens to a clip whose name another clip has: the run ends, or the clip gets a part of its hash."""

    REFUSE = "refuse"
    RENAME = "rename"


def parse_duplicates(text: str) -> Duplicates:
    """The choice that a word names. Raises UsageError on another word."""
    try:
        return Duplicates(text.lower())
    except ValueError:
        raise UsageError(f"--duplicates is {text!r}; known: {', '.join(Duplicates)}") from None


@dataclass(frozen=True)
class Gathered:
    """How many clips were added, were there already, and of those added, got another name."""

    added: int
    present: int
    renamed: int


class Sink(Protocol):
    """Where clips are brought together."""

    def has_image(self, sha256: bytes) -> bool:
        """Whether a clip with exactly this content is there."""

    def has_name(self, clip_id: str) -> bool:
        """Whether there is a clip of this name."""

    def add(self, image: bytes, facts: ClipFacts) -> None:
        """Appends a clip."""


class FileSink:
    """One `.h5` file that is being written, and what is in it so far."""

    def __init__(self, new: NewFile) -> None:
        self._new, self._names, self._hashes = new, set[str](), set[bytes]()

    def has_image(self, sha256: bytes) -> bool:
        """Whether a clip with exactly this content is there."""
        return sha256 in self._hashes

    def has_name(self, clip_id: str) -> bool:
        """Whether there is a clip of this name."""
        return clip_id in self._names

    def add(self, image: bytes, facts: ClipFacts) -> None:
        """Appends a clip."""
        with clear_failure(self._new.path):
            self._new.file.write(image)
        self._names.add(facts.clip_id)
        self._hashes.add(hashlib.sha256(image).digest())


def parse_size(text: str) -> int:
    """Bytes of a size such as 500MB, 1GB or 2GiB. Raises UsageError on anything else, or less than a byte."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?", text.strip().lower())
    size = 0 if match is None else int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2]])
    if size < 1:
        raise UsageError(f"{text!r} is no size; give one such as 500MB or 1GB")
    return size


def gather(items: Iterable[Item], sink: Sink, duplicates: Duplicates) -> Gathered:
    """Adds every clip that is not there yet; one with the same content is passed over, so that a rerun goes on.

    Raises UsageError where two different clips have one name and `duplicates` is REFUSE, StageFailed when the clips
    cannot be written.
    """
    added = present = renamed = 0
    for item in items:
        sha256 = hashlib.sha256(item.image).digest()
        if sink.has_image(sha256):
            present += 1
            continue
        image, facts = item.image, item.facts()
        if sink.has_name(facts.clip_id):
            if duplicates is Duplicates.REFUSE:
                raise UsageError(
                    f"{item.where}: another clip is called {facts.clip_id!r} and has other content; "
                    "give --duplicates rename to keep both"
                )
            clip = replace(item.clip(), clip_id=f"{facts.clip_id}-{sha256.hex()[:8]}")
            if sink.has_name(clip.clip_id):
                present += 1
                continue
            image, facts = encode(clip), facts_of(clip)
            renamed += 1
        sink.add(image, facts)
        added += 1
    return Gathered(added, present, renamed)


def to_shards(items: Iterable[Item], folder: Path, shard_bytes: int, duplicates: Duplicates) -> Gathered:
    """`gather` into a folder of shards. Raises StageFailed when nothing was there to add."""
    with ShardWriter(folder, shard_bytes) as writer:
        found = gather(items, writer, duplicates)
    return _told(found, folder)


def to_file(items: Iterable[Item], path: Path, duplicates: Duplicates) -> Gathered:
    """`gather` into one new `.h5` file, which gets its name when it is complete. Raises StageFailed without clips."""
    with NewFile(path) as new:
        found = gather(items, FileSink(new), duplicates)
        if found.added:
            new.finish(path)
    return _told(found, path)


def _told(found: Gathered, path: Path) -> Gathered:
    if not found.added and not found.present:
        raise StageFailed(f"{path}: there were no clips to write")
    notes = [f"{found.present} there already"] if found.present else []
    notes += [f"{found.renamed} with another name"] if found.renamed else []
    logger.info("%s: added %d clips%s", path, found.added, f" ({', '.join(notes)})" if notes else "")
    return found
