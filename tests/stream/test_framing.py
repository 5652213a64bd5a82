from __future__ import annotations

import errno
import io
import struct
from pathlib import Path
from typing import Any

import h5py
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stream.codec import decode, encode
from infinitedance_cli.stream.framing import image_size, read_images, write_image
from infinitedance_cli.stream.ports import read_stream
from tests.stream.clips import assert_same_clip, full_clip, small_clip


class _Trickle(io.RawIOBase):
    """A pipe that cannot seek and hands out at most 1,000 bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 1000))


def _rewritten(path: Path, **options: object) -> bytes:
    """A clip copied by h5py into a file made with other options."""
    with h5py.File(io.BytesIO(encode(small_clip())), "r") as source, h5py.File(path, "w", **options) as target:
        for name in source:
            source.copy(name, target)
        target.attrs.update(dict(source.attrs))
    return path.read_bytes()


def test_concatenation_is_two_clips() -> None:
    stream = _Trickle(encode(full_clip("a")) + encode(small_clip("b")))
    first, second = read_stream(stream, "pipe")  # type: ignore[arg-type]
    assert_same_clip(first, full_clip("a"))
    assert_same_clip(second, small_clip("b"))


@pytest.mark.parametrize("libver", ["earliest", ("v108", "v108"), "latest"])
def test_every_superblock_version(tmp_path: Path, libver: object) -> None:
    image = _rewritten(tmp_path / "a.h5", libver=libver)
    assert image[8] == {"earliest": 0, "latest": 3}.get(str(libver), 2)
    assert image_size(image[:64], "a.h5") == len(image)
    assert [clip.clip_id for clip in read_stream(io.BytesIO(image + image), "two")] == ["small", "small"]


def test_superblock_version_one(tmp_path: Path) -> None:
    """h5py writes version 1 only for chunk B-trees of unusual order: here the head is laid out by hand."""
    head = bytearray(64)
    head[:8] = b"\x89HDF\r\n\x1a\n"
    head[8], head[13] = 1, 8
    struct.pack_into("<Q", head, 44, 4711)
    assert image_size(bytes(head), "a") == 4711


def test_one_clip_is_an_ordinary_file() -> None:
    with h5py.File(io.BytesIO(encode(small_clip())), "r") as file:
        assert file["motion/root_position"].shape == (12, 3)


def test_trap_h5py_sees_the_first_clip_only(tmp_path: Path) -> None:
    path = tmp_path / "two.h5"
    path.write_bytes(encode(small_clip("a")) + encode(small_clip("b")))
    with h5py.File(path, "r") as file:
        assert file.attrs["clip_id"] == "a"
    with open(path, "rb") as stream:
        assert len(list(read_images(stream, "two"))) == 2


def test_trap_opening_for_change_destroys_the_others(tmp_path: Path) -> None:
    path = tmp_path / "two.h5"
    path.write_bytes(encode(small_clip("a")) + encode(small_clip("b")))
    with h5py.File(path, "r+") as file:
        file.attrs["note"] = "x" * 5000
    with open(path, "rb") as stream:
        assert [clip.clip_id for clip in read_stream(stream, "two")] == ["a"]


@pytest.mark.parametrize("size", [4096, 65536])
def test_page_strategy_is_refused(tmp_path: Path, size: int) -> None:
    image = _rewritten(tmp_path / "paged.h5", fs_strategy="page", fs_page_size=size)
    with pytest.raises(BadInput, match="page file-space strategy"):
        list(read_stream(io.BytesIO(image), "paged.h5"))


def test_user_block_is_refused(tmp_path: Path) -> None:
    image = _rewritten(tmp_path / "block.h5", userblock_size=512)
    with pytest.raises(BadInput, match="without a user block"):
        list(read_images(io.BytesIO(image), "block.h5"))
    with pytest.raises(BadInput, match="user block of 512 bytes"):
        image_size(image[512:576], "block.h5")


@pytest.mark.parametrize("kept", [1, 63, 64, 5000])
def test_truncation_names_clip_and_bytes(kept: int) -> None:
    first, second = encode(small_clip("a")), encode(small_clip("b"))
    clips = read_stream(io.BytesIO(first + second[:kept]), "x.h5")
    assert next(clips).clip_id == "a"
    expected = len(second) if kept >= 64 else "at least 64"
    with pytest.raises(BadInput, match=f"x.h5, clip 2: truncated: found {kept} bytes, expected {expected}"):
        next(clips)


def test_empty_stream() -> None:
    with pytest.raises(BadInput, match="stdin: the stream is empty"):
        list(read_images(io.BytesIO(b""), "stdin"))


@pytest.mark.parametrize("data", [b"BVH HIERARCHY" * 20, b"\x00" * 100, b"\x89HDF\r\n\x1a\n" + b"\xff" * 80])
def test_what_is_no_hdf5(data: bytes) -> None:
    with pytest.raises(BadInput):
        list(read_images(io.BytesIO(data), "x"))


def test_absurd_size_is_truncation_not_a_memory_error() -> None:
    head = bytearray(encode(small_clip())[:64])
    struct.pack_into("<Q", head, 40, 1 << 60)
    with pytest.raises(BadInput, match="truncated"):
        list(read_images(io.BytesIO(bytes(head) + b"x" * 1000), "x"))


def test_rubbish_after_a_clip() -> None:
    clips = read_images(io.BytesIO(encode(small_clip()) + b"\n" * 100), "x.h5")
    assert decode(next(clips)[1]).clip_id == "small"
    with pytest.raises(BadInput, match="clip 2: no HDF5 image starts here"):
        next(clips)


def test_reading_does_not_run_ahead() -> None:
    """The first clip comes out although the second never arrives: nothing past the first image is asked for."""
    image = encode(small_clip())

    class _Blocking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert self.tell() + (size or 0) <= len(image), "read past the first clip"
            return super().read(size)

    assert next(read_stream(_Blocking(image + image), "pipe")).clip_id == "small"


class _Unbuffered(io.RawIOBase):
    """Takes a thousand bytes at a time, as an unbuffered stdout may, and `room` bytes in all."""

    def __init__(self, room: int) -> None:
        self.taken, self._room = b"", room

    def write(self, data: Any, /) -> int:
        if len(self.taken) >= self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[: min(1000, self._room - len(self.taken))]
        self.taken += part
        return len(part)


def test_an_unbuffered_stream_gets_the_whole_image_or_an_error() -> None:
    image = encode(small_clip())
    stream = _Unbuffered(len(image))
    write_image(stream, image)  # type: ignore[arg-type]
    assert stream.taken == image
    with pytest.raises(OSError, match="No space left"):
        write_image(_Unbuffered(len(image) - 1), image)  # type: ignore[arg-type]
