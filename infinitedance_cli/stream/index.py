"""Where the clips of a file are, so that one can be read without the others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.codec import decode
from infinitedance_cli.stream.framing import HEAD_BYTES, image_size


@dataclass(frozen=True)
class ClipLocation:
    """The `number`th clip (from 1) of a file of clips: `size` bytes from byte `offset`."""

    path: Path
    number: int
    offset: int
    size: int

    @property
    def name(self) -> str:
        """How messages call this clip."""
        return f"{self.path}, clip {self.number}"


def locate_clips(path: Path) -> list[ClipLocation]:
    """All clips of a file of ours, from their superblocks alone: 64 bytes are read of each.

    Raises BadInput when the file is missing, empty, truncated or not ours.
    """
    locations: list[ClipLocation] = []
    try:
        with open(path, "rb") as file:
            total = os.fstat(file.fileno()).st_size
            offset = 0
            while offset < total or not locations:
                where = f"{path}, clip {len(locations) + 1}"
                file.seek(offset)
                size = image_size(file.read(HEAD_BYTES), where)
                if offset + size > total:
                    raise BadInput(f"{where}: truncated: found {total - offset} bytes, expected {size}")
                locations.append(ClipLocation(path, len(locations) + 1, offset, size))
                offset += size
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error
    return locations


def read_clip_at(location: ClipLocation) -> MotionClip:
    """One clip. Raises BadInput when the file changed since it was indexed."""
    with open(location.path, "rb") as file:
        file.seek(location.offset)
        image = file.read(location.size)
    if len(image) < location.size:
        raise BadInput(f"{location.name}: found {len(image)} bytes, expected {location.size}; the file has changed")
    return decode(image, location.name)
