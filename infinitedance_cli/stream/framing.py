"""One complete HDF5 image per clip, back to back: where one ends is in its own superblock.

The reader takes 64 bytes, reads the end-of-file address from the superblock, reads the rest. So a stream of one clip is
an ordinary HDF5 file, and `cat a.h5 b.h5` is a stream of two. What to know about such files:

* h5py opens a file of many clips as its first clip, and one opened `r+` loses the others on close: read them with
  `infinitedance_cli.stream` or split them with `idance convert`.
* HDF5's page file-space strategy and user blocks are refused: the address in the superblock then says nothing reliable
  about where the next image starts.
* In a shell, `set -o pipefail`, or a stage that dies in the middle of a pipe goes unnoticed.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from infinitedance_cli.errors import BadInput

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAD_BYTES = 64
_PIECE_BYTES = 1 << 22
_EMPTY = "the stream is empty; expected at least one clip (did the command before fail?)"
_UNDEFINED = (1 << 64) - 1
_ADDRESS_BYTES = 8
# Superblock version: offsets of the byte that gives the size of addresses, of the base address, of the end of file.
_SUPERBLOCKS = {0: (13, 24, 40), 1: (13, 28, 44), 2: (9, 12, 28), 3: (9, 12, 28)}


def image_size(head: bytes, name: str) -> int:
    """Bytes of the HDF5 image that starts with `head` (64 bytes), from the superblock's end-of-file address.

    Raises BadInput when this is no HDF5 superblock, less than one, or one that cannot be framed (user block).
    """
    if not head.startswith(SIGNATURE[: len(head)]):
        raise BadInput(
            f"{name}: no HDF5 image starts here (found {head[:8]!r}, expected {SIGNATURE!r}); "
            "give clips that idance wrote, without a user block"
        )
    if len(head) < HEAD_BYTES:
        raise BadInput(f"{name}: truncated: found {len(head)} bytes, expected at least {HEAD_BYTES}")
    version = head[8]
    if version not in _SUPERBLOCKS:
        raise BadInput(f"{name}: HDF5 superblock version {version} is not known; expected 0 to 3")
    width_at, base_at, end_at = _SUPERBLOCKS[version]
    if head[width_at] != _ADDRESS_BYTES:
        raise BadInput(f"{name}: HDF5 addresses have {head[width_at]} bytes; expected {_ADDRESS_BYTES}")
    (base,) = struct.unpack_from("<Q", head, base_at)
    (end,) = struct.unpack_from("<Q", head, end_at)
    if base != 0:
        raise BadInput(f"{name}: the HDF5 image has a user block of {base} bytes; clips are written without one")
    if end == _UNDEFINED or end <= HEAD_BYTES:
        raise BadInput(f"{name}: the HDF5 superblock gives {end} as the end of the file; the image is damaged")
    return int(end)


def read_images(stream: BinaryIO, name: str) -> Iterator[tuple[str, bytes]]:
    """The images of a stream one after the other, each with a name for messages; holds one at a time.

    `stream` need not be seekable. Raises BadInput on an empty stream, truncation inside an image, or what is no image.
    """
    number = 0
    while True:
        number += 1
        where = f"{name}, clip {number}"
        head = _read_up_to(stream, HEAD_BYTES)
        if not head:
            if number == 1:
                raise BadInput(f"{name}: {_EMPTY}")
            return
        size = image_size(head, where)
        body = _read_up_to(stream, size - HEAD_BYTES)
        if len(head) + len(body) < size:
            raise _truncated(where, len(head) + len(body), size)
        yield where, head + body


def locate_images(stream: BinaryIO, name: str) -> Iterator[tuple[str, int, int]]:
    """Name, first byte and size of each image of a seekable stream; only their heads are read. Raises as `read_images`
    does."""
    end = stream.seek(0, os.SEEK_END)
    offset, number = 0, 0
    while offset < end or number == 0:
        number += 1
        where = f"{name}, clip {number}"
        stream.seek(offset)
        head = _read_up_to(stream, HEAD_BYTES)
        if not head:
            raise BadInput(f"{name}: {_EMPTY}")
        size = image_size(head, where)
        if offset + size > end:
            raise _truncated(where, end - offset, size)
        yield where, offset, size
        offset += size


def _truncated(where: str, found: int, expected: int) -> BadInput:
    return BadInput(
        f"{where}: truncated: found {found} bytes, expected {expected}; "
        "write it again, or check the command that was to write it"
    )


def _read_up_to(stream: BinaryIO, count: int) -> bytes:
    """`count` bytes, fewer only at the end; in pieces, so that a damaged address does not reserve its whole claim."""
    pieces = []
    while count > 0:
        piece = stream.read(min(count, _PIECE_BYTES))
        if not piece:
            break
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def write_image(stream: BinaryIO, image: bytes) -> None:
    """Writes one image and flushes, so that the next process can start on it at once."""
    rest = memoryview(image)
    while rest:
        # Unbuffered streams (PYTHONUNBUFFERED) take what fits and say so; a full disk is only told by the next write.
        rest = rest[stream.write(rest) or 0 :]
    stream.flush()
