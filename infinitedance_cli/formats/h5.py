"""Our own clips in HDF5, one image per clip back to back: see `infinitedance_cli.stream`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.codec import decode, encode
from infinitedance_cli.stream.framing import read_images, write_image

EXTENSIONS = (".h5", ".hdf5")
DESCRIPTION = "idance motion clips in HDF5, any number in a file, nothing lost"
HOLDS_MANY = True


def read(path: Path) -> Iterator[MotionClip]:
    """All clips of a file. Raises BadInput when it is truncated, another program's HDF5, or no HDF5."""
    with open(path, "rb") as file:
        for where, image in read_images(file, str(path)):
            yield decode(image, where)


def write(clip: MotionClip, file: BinaryIO) -> None:
    """Appends one clip."""
    write_image(file, encode(clip))
