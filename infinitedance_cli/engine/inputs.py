"""References to what a stage works on: small enough that a hundred thousand can be listed, read by whoever works."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.remote import fetched, is_remote
from infinitedance_cli.stream.codec import decode
from infinitedance_cli.stream.dance_pieces import join_pieces, may_be_piece, piece_of
from infinitedance_cli.stream.dispatch import format_for_reading
from infinitedance_cli.stream.framing import locate_images, read_images
from infinitedance_cli.stream.ports import OWN_FORMAT, PIPE, check_inputs, read_file
from infinitedance_cli.stream.shard_index import shard_name
from infinitedance_cli.stream.shards import ShardFolder, is_shard_folder, open_shards


class Input(Protocol):
    """One thing to work on, by reference."""

    @property
    def where(self) -> str:
        """How messages call it."""
        ...

    @property
    def group(self) -> str:
        """What it is part of: if that is damaged, one line is enough."""
        ...

    def load(self) -> list[Any]:
        """What it refers to, read now; raises BadInput."""
        ...

    def key(self) -> str:
        """A hash of its content, by which a rerun knows it again; raises BadInput."""
        ...


@dataclass(frozen=True)
class ShardClip:
    """Clip `number` of a folder of shards, which may be remote."""

    folder: str
    number: int

    @property
    def where(self) -> str:
        """Shard and byte."""
        return _shards(self.folder).name(self.number)

    @property
    def group(self) -> str:
        """The shard."""
        record = _shards(self.folder).index.records[self.number]
        return f"{self.folder}/{shard_name(int(record['shard']))}"

    def load(self) -> list[MotionClip]:
        """The clip."""
        return [_shards(self.folder).read(self.number)]

    def key(self) -> str:
        """Of the clip's image, as the index has it."""
        return str(_shards(self.folder).index.records[self.number]["sha256"].tobytes().hex())


@dataclass(frozen=True)
class ImageAt:
    """The clip whose image is `size` bytes from byte `offset` of a file on."""

    path: str
    offset: int
    size: int
    where: str

    @property
    def group(self) -> str:
        """The clip itself."""
        return self.where

    def load(self) -> list[MotionClip]:
        """The clip."""
        return [decode(self.image, self.where)]

    def key(self) -> str:
        """Of the image."""
        return hashlib.sha256(self.image).hexdigest()

    @property
    def image(self) -> bytes:
        """The image, read now."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass(frozen=True)
class Image:
    """A clip that came through a pipe, as its image."""

    where: str
    image: bytes

    @property
    def group(self) -> str:
        """The clip itself."""
        return self.where

    def load(self) -> list[MotionClip]:
        """The clip."""
        return [decode(self.image, self.where)]

    def key(self) -> str:
        """Of the image."""
        return hashlib.sha256(self.image).hexdigest()


@dataclass(frozen=True)
class Pieces:
    """The pieces of one dance, as their images: one clip."""

    parts: tuple[ImageAt | Image, ...]

    @property
    def where(self) -> str:
        """Where the dance begins."""
        return self.parts[0].where

    @property
    def group(self) -> str:
        """The dance."""
        return self.where

    def load(self) -> list[MotionClip]:
        """The dance."""
        return list(join_pieces(clip for part in self.parts for clip in part.load()))

    def key(self) -> str:
        """Of all images."""
        return hashlib.sha256(" ".join(part.key() for part in self.parts).encode()).hexdigest()


@dataclass(frozen=True)
class MotionFile:
    """A motion file of any format, here or at a URL."""

    where: str

    @property
    def group(self) -> str:
        """The file itself."""
        return self.where

    def load(self) -> list[MotionClip]:
        """Its clips."""
        if not is_remote(self.where):
            return list(read_file(Path(self.where)))
        with fetched(self.where) as path:
            return list(read_file(path))

    def key(self) -> str:
        """Of the file's bytes."""
        return file_key(self.where)


@dataclass(frozen=True)
class Source:
    """A video or a song, by name: the stage itself reads it."""

    where: str

    @property
    def group(self) -> str:
        """The source itself."""
        return self.where

    def load(self) -> list[str]:
        """Its name."""
        return [self.where]

    def key(self) -> str:
        """Of the file's bytes."""
        return file_key(self.where)


@dataclass(frozen=True)
class Unreadable:
    """The rest of a file that cannot be told apart into clips, and why."""

    where: str
    problem: str

    @property
    def group(self) -> str:
        """The file's rest itself."""
        return self.where

    def load(self) -> list[MotionClip]:
        """Raises BadInput."""
        raise BadInput(self.problem)

    def key(self) -> str:
        """None: it is tried again."""
        return ""


def find_clips(names: Sequence[str]) -> Iterator[Input]:
    """References to the clips of all inputs in order; clip files and pipes are read as far as is asked for.

    Inputs are checked at the call: raises as `infinitedance_cli.stream.ports.check_inputs`.
    """
    check_inputs(names)
    return (one for name in names for one in _clips_of(name))


def _clips_of(name: str) -> Iterator[Input]:
    if name == PIPE:
        yield from _whole(Image(where, image) for where, image in read_images(sys.stdin.buffer, "standard input"))
    elif is_shard_folder(name):
        for number in range(len(_shards(name))):
            yield ShardClip(name, number)
    elif not is_remote(name) and format_for_reading(Path(name)).name == OWN_FORMAT:
        yield from _images_of(name)
    else:
        yield MotionFile(name)


def _images_of(name: str) -> Iterator[Input]:
    count = 0
    with open(name, "rb") as file:
        try:
            images = (ImageAt(name, offset, size, where) for where, offset, size in locate_images(file, name))
            first = next(images, None)
            if first is None:
                return
            # A file that begins with a whole clip is only listed: its images are read by whoever works on them.
            listed = chain((first,), images)
            for one in _whole(listed) if may_be_piece(first.image) else listed:
                count += 1
                yield one
        except BadInput as error:
            yield Unreadable(f"{name}, from clip {count + 1} on", str(error))


def _whole(images: Iterable[ImageAt | Image]) -> Iterator[Input]:
    """The images, those of the pieces of a dance together."""
    held: list[ImageAt | Image] = []
    for one in images:
        piece = piece_of(one.load()[0]) if may_be_piece(one.image) else None
        if held and (piece is None or piece.number == 0):
            yield Pieces(tuple(held))
            held = []
        if piece is None:
            yield one
            continue
        held.append(one)
        if piece.last:
            yield Pieces(tuple(held))
            held = []
    if held:
        yield Pieces(tuple(held))


def file_key(name: str) -> str:
    """SHA-256 of the bytes of a file, here or at a URL."""
    if is_remote(name):
        with fetched(name) as path:
            return file_key(str(path))
    with open(name, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=8)
def _shards(folder: str) -> ShardFolder:
    """A folder of shards, opened once a process."""
    return open_shards(folder)
