"""A folder of shards: many clips in few files, any of which is found in one step and read in one seek.

A shard is a file of clips like any other of ours: images back to back. The index beside them (see
`infinitedance_cli.stream.shard_index`) says what each clip is and where.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections import Counter, OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from infinitedance_cli import remote
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.codec import decode
from infinitedance_cli.stream.shard_index import INDEX, TEXTS, ShardEntry, ShardIndex, shard_name

logger = logging.getLogger(__name__)

_OPEN_FILES = 64


def is_shard_folder(name: str | Path) -> bool:
    """Whether a path or a URL is a folder of shards."""
    if isinstance(name, str) and remote.is_remote(name):
        return not name.lower().endswith(".h5") and remote.is_file(f"{name.rstrip('/')}/{INDEX}")
    return (Path(name) / INDEX).is_file()


def open_shards(name: str | Path) -> ShardFolder:
    """The folder of shards at a path or a URL. Raises BadInput as `ShardFolder`."""
    if isinstance(name, str) and remote.is_remote(name):
        return RemoteShardFolder(name)
    return ShardFolder(Path(name))


class ShardFolder:
    """The clips of a folder of shards by number, from 0. Listing opens none of them; reading one reads only that one.

    It can be sent to another process; each thread wants its own. Raises BadInput when the index cannot be
    read, or there are no clips in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.index = ShardIndex(self.folder)
        if not len(self.index):
            raise BadInput(f"{folder}: there are no clips in it; expected at least one")
        self._files: OrderedDict[int, BinaryIO] = OrderedDict()
        self._process = os.getpid()

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        return ShardFolder, (self.folder,)

    def __del__(self) -> None:
        for file in getattr(self, "_files", {}).values():
            file.close()

    def __len__(self) -> int:
        return len(self.index)

    def entries(self) -> Iterator[ShardEntry]:
        """All clips, in the order in which they were written."""
        return self.index.entries()

    def name(self, number: int) -> str:
        """How messages call a clip."""
        record = self.index.records[number]
        return f"{self.folder / shard_name(int(record['shard']))}, clip at byte {int(record['offset'])}"

    def image(self, number: int) -> bytes:
        """The HDF5 image of a clip. Raises BadInput when it is not what was written: cut, changed or gone."""
        record = self.index.records[number]
        size = int(record["size"])
        try:
            file = self._file(int(record["shard"]))
            file.seek(int(record["offset"]))
            image = file.read(size)
        except OSError as error:
            raise BadInput(f"{self.name(number)}: cannot be read ({error.strerror or error})") from error
        if len(image) < size:
            raise BadInput(f"{self.name(number)}: found {len(image)} bytes, expected {size}: the shard was cut")
        if hashlib.sha256(image).digest() != record["sha256"].tobytes():
            raise BadInput(f"{self.name(number)}: its content is not what was written; the shard is damaged")
        return image

    def read(self, number: int) -> MotionClip:
        """The clip `number`. Raises BadInput as `image`."""
        return decode(self.image(number), self.name(number))

    def images(self, lost: Counter[str] | None = None) -> Iterator[tuple[int, bytes]]:
        """Numbers and images of all clips that can be read; the others are named, left out and counted in the log.

        `lost` counts them too, by shard.
        """
        lost = Counter() if lost is None else lost
        before = lost.total()
        for number in range(len(self)):
            try:
                image = self.image(number)
            except BadInput as error:
                shard = str(self.folder / shard_name(int(self.index.records[number]["shard"])))
                logger.log(logging.DEBUG if lost[shard] else logging.WARNING, "%s; left out", error)
                lost[shard] += 1
                continue
            yield number, image
        if lost.total() > before:
            here = {Path(shard).name: count for shard, count in lost.items() if Path(shard).parent == self.folder}
            named = ", ".join(f"{count} in {shard}" for shard, count in sorted(here.items()))
            logger.warning("%s: %d of %d clips left out: %s", self.folder, sum(here.values()), len(self), named)

    def clips(self) -> Iterator[MotionClip]:
        """All clips that can be read, as `images`."""
        for number, image in self.images():
            yield decode(image, self.name(number))

    def _file(self, shard: int) -> BinaryIO:
        if self._process != os.getpid():  # a fork reads on from where the other process happens to be
            self._files, self._process = OrderedDict(), os.getpid()
        file = self._files.get(shard)
        if file is None:
            while len(self._files) >= _OPEN_FILES:
                self._files.popitem(last=False)[1].close()
            file = self._files[shard] = self._open(shard)
        else:
            self._files.move_to_end(shard)
        return file

    def _open(self, shard: int) -> BinaryIO:
        return open(self.folder / shard_name(shard), "rb")


class RemoteShardFolder(ShardFolder):
    """A folder of shards at a URL: the index is copied here, of the shards only what is asked for is read."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._copy = tempfile.TemporaryDirectory(prefix="idance-")
        for name in (INDEX, TEXTS):
            remote.fetch(f"{self._url}/{name}", Path(self._copy.name))
        super().__init__(Path(self._copy.name))

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        return RemoteShardFolder, (self._url,)

    def __del__(self) -> None:
        super().__del__()
        if hasattr(self, "_copy"):
            self._copy.cleanup()

    def name(self, number: int) -> str:
        """How messages call a clip."""
        record = self.index.records[number]
        return f"{self._url}/{shard_name(int(record['shard']))}, clip at byte {int(record['offset'])}"

    def _open(self, shard: int) -> BinaryIO:
        opened: BinaryIO = remote.open_remote(f"{self._url}/{shard_name(shard)}")
        return opened
