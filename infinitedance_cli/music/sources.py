"""Where sound comes from: files, pipes and standard input, as something that can be read more than once."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.remote import fetched, is_remote

AudioSource = str | os.PathLike[str] | BinaryIO
"""A path, a URL, `-` for standard input, or an open binary file."""

_SPOOL_BYTES = 32 << 20


def source_name(source: AudioSource | LiveSource) -> str:
    """The name of a source in messages and in provenance."""
    if isinstance(source, str | os.PathLike):
        return "<stdin>" if os.fspath(source) == "-" else os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name else "<stream>"


class LiveSource:
    """Bytes that are taken as they come and only once: a pipe, or standard input, that is never waited for as a whole.

    It cannot seek, and says so by having no such method, which is what FFmpeg's binding looks for.
    """

    PROBING = {"probesize": "65536", "analyzeduration": "500000"}  # noqa: RUF012
    """How much of it FFmpeg looks at first; by itself it would wait for several seconds of a radio."""
    FORMATS = "wav, mp3, flac, ogg or webm on a pipe; m4a and mp4 cannot be read from one: name the file"

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self.name = stream, name
        self._digest, self._ended = hashlib.sha256(), False
        self._stopped: BaseException | None = None

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, those that are there; none at the end."""
        if self._stopped is not None:
            return b""
        try:
            data = self._stream.read1(count) if hasattr(self._stream, "read1") else self._stream.read(count)
        except (KeyboardInterrupt, SystemExit) as error:
            self._stopped = error
            return b""
        self._digest.update(data)
        self._ended |= not data
        return data

    def stopped(self) -> BaseException | None:
        """What interrupted the waiting for bytes."""
        return self._stopped

    def sha256(self) -> str:
        """SHA-256 of all bytes, in hexadecimal; empty where they were not read to their end."""
        return self._digest.hexdigest() if self._ended else ""


def raise_if_stopped(source: AudioSource | LiveSource) -> None:
    """Raise what interrupted a live source: FFmpeg, which called `read`, would lose it and go on reading."""
    stopped = source.stopped() if isinstance(source, LiveSource) else None
    if stopped is not None:
        raise stopped


@contextmanager
def open_live(source: AudioSource) -> Iterator[AudioSource | LiveSource]:
    """A source that is read once, from the first byte on as it comes: a regular file as it is, all else live.

    Raises:
        BadInput, UsageError: as `open_source`.
    """
    if can_seek(source):
        yield source
    elif not isinstance(source, str | os.PathLike):
        yield LiveSource(source, source_name(source))
    elif os.fspath(source) == "-":
        _refuse_terminal()
        yield LiveSource(cast(BinaryIO, sys.stdin.buffer), source_name(source))
    else:
        with open(source, "rb") as pipe:
            yield LiveSource(pipe, source_name(source))


def can_seek(source: AudioSource) -> bool:
    """Whether a source is a regular file, and not a pipe, a device or a stream. Raises BadInput as `open_source`."""
    return isinstance(source, str | os.PathLike) and os.fspath(source) != "-" and _check_path(Path(source))


def _refuse_terminal() -> None:
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal; pipe a sound file into it, or name one")


@contextmanager
def open_source(source: AudioSource) -> Iterator[AudioSource]:
    """A source that can be read more than once: pipes, standard input and URLs are copied to a temporary file first.

    Raises:
        BadInput: the file does not exist, is a folder, cannot be read or is empty.
        UsageError: standard input is a terminal.
    """
    if isinstance(source, str) and is_remote(source):
        with fetched(source) as path:
            yield path
        return
    if isinstance(source, str | os.PathLike) and os.fspath(source) != "-":
        if _check_path(Path(source)):
            yield source
            return
        with open(source, "rb") as pipe, _spooled(cast(BinaryIO, pipe), source_name(source)) as spool:
            yield spool
        return
    if isinstance(source, str | os.PathLike):
        _refuse_terminal()
        with _spooled(cast(BinaryIO, sys.stdin.buffer), source_name(source)) as spool:
            yield spool
    elif source.seekable():
        yield source
    else:
        with _spooled(source, source_name(source)) as spool:
            yield spool


def file_sha256(source: AudioSource) -> str:
    """SHA-256 of the bytes of a file or of a seekable stream, in hexadecimal."""
    with as_binary(source) as file:
        digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]
    return digest.hexdigest()


def _check_path(path: Path) -> bool:
    """True for a regular file, False for a pipe or device."""
    try:
        status = path.stat()
    except OSError as error:
        raise BadInput(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; expected a sound or video file"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise BadInput(f"{path}: is a folder; expected one sound or video file")
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        raise BadInput(f"{path}: the file is empty (0 bytes); expected a sound or video file")
    return stat.S_ISREG(status.st_mode)


class _Spool(tempfile.SpooledTemporaryFile[bytes]):
    """A temporary file that carries the name of the stream that was read into it."""

    def __init__(self, label: str) -> None:
        super().__init__(max_size=_SPOOL_BYTES)
        self.label = label

    @property
    def name(self) -> str:
        return self.label


@contextmanager
def _spooled(stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
    with _Spool(name) as spool:
        shutil.copyfileobj(stream, spool)
        if spool.tell() == 0:
            raise BadInput(f"{name}: the stream is empty; expected the bytes of a sound or video file")
        spool.seek(0)
        yield cast(BinaryIO, spool)


@contextmanager
def as_binary(source: AudioSource) -> Iterator[BinaryIO]:
    """The bytes of a file or of a seekable stream, from the first."""
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            yield file
    else:
        source.seek(0)
        yield source
        source.seek(0)
