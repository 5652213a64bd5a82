"""Clips as bytes, with what is known of them, from any input; nothing is decoded that need not be."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.codec import decode, encode
from infinitedance_cli.stream.dispatch import format_for_reading
from infinitedance_cli.stream.facts import ClipFacts, facts_of
from infinitedance_cli.stream.framing import read_images
from infinitedance_cli.stream.ports import PIPE, check_inputs, read_file
from infinitedance_cli.stream.shards import ShardFolder

OWN_FORMAT = "h5"


@dataclass(frozen=True)
class Item:
    """One clip as its image; `where` says where it came from, `known` is what an index said of it."""

    where: str
    image: bytes
    known: ClipFacts | None = None

    def clip(self) -> MotionClip:
        """The clip itself. Raises BadInput when the image is damaged."""
        return decode(self.image, self.where)

    def facts(self) -> ClipFacts:
        """What is known of the clip. Raises BadInput when it has to be decoded and is damaged."""
        return self.known or facts_of(self.clip())


def read_items(inputs: Sequence[str], lost: Counter[str] | None = None) -> Iterator[Item]:
    """The clips of all inputs in order: folders of shards, clip files and streams as they lie, other formats encoded.

    Inputs are checked at the call. Clips of a damaged shard are named in the log, left out, and counted in `lost`.
    Raises as `infinitedance_cli.stream.ports.read_clips`.
    """
    check_inputs(inputs)
    return (item for name in inputs for item in _items(name, lost))


def raise_if_lost(lost: Counter[str]) -> None:
    """Raises StageFailed, when everything else is written, where clips were left out."""
    if lost:
        named = ", ".join(f"{count} in {shard}" for shard, count in sorted(lost.items()))
        raise StageFailed(f"{lost.total()} clips could not be read and were left out: {named}")


def list_facts(inputs: Sequence[str]) -> Iterator[ClipFacts]:
    """What is known of each clip; of folders of shards, no clip is opened. Inputs are checked at the call."""
    check_inputs(inputs)
    return (facts for name in inputs for facts in _facts(name))


def _items(name: str, lost: Counter[str] | None = None) -> Iterator[Item]:
    path = Path(name)
    if name == PIPE:
        for where, image in read_images(sys.stdin.buffer, "standard input"):
            yield Item(where, image)
    elif path.is_dir():
        folder = ShardFolder(path)
        for number, image in folder.images(lost):
            yield Item(folder.name(number), image, folder.index.entry(number).facts)
    elif format_for_reading(path).name == OWN_FORMAT:
        with open(path, "rb") as file:
            for where, image in read_images(file, name):
                yield Item(where, image)
    else:
        for clip in read_file(path):
            yield Item(f"{name}, {clip.clip_id}", encode(clip), facts_of(clip))


def _facts(name: str) -> Iterator[ClipFacts]:
    if name != PIPE and Path(name).is_dir():
        yield from (entry.facts for entry in ShardFolder(Path(name)).entries())
    else:
        yield from (item.facts() for item in _items(name))
