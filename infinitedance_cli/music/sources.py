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


def source_name(source: AudioSource) -> str:
    """The name of a source in messages and in provenance."""
    if isinstance(source, str | os.PathLike):
        return "<stdin>" if os.fspath(source) == "-" else os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name else "<stream>"


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
        if sys.stdin.isatty():
            raise UsageError("standard input is a terminal; pipe a sound file into it, or name one")
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
