"""Unpack a downloaded tar archive: nothing outside of its folder, nothing half there."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from infinitedance_cli import log
from infinitedance_cli.errors import BadInput

_BLOCK = 1 << 20


def unpack(archive: Path, target: Path) -> None:
    """Unpack into the `target` folder; what lies at the top of the archive appears there once it is whole, in place of
    what had the same name.

    Raises:
        BadInput: the archive is damaged, or holds a link, a device or a name outside of its folder; nothing is left.
    """
    partial = archive.with_name(f".unpacking-{archive.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _extract(archive, partial)
        target.mkdir(parents=True, exist_ok=True)
        for entry in sorted(partial.iterdir()):
            _remove(target / entry.name)
            entry.rename(target / entry.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _extract(archive: Path, folder: Path) -> None:
    folder.mkdir()
    label = f"unpacking {archive.name}"
    try:
        with (
            log.progress_bar(label, archive.stat().st_size, unit="B") as advance,
            _Counted(archive, advance) as file,
            _decompressed(archive, file) as content,
        ):
            with tarfile.open(fileobj=content, mode="r|") as tar:
                tar.extractall(folder, filter=_plain)
            while content.read(_BLOCK):  # to its end: where a file was cut, tarfile itself may see nothing wrong
                pass
    except tarfile.FilterError as error:
        raise BadInput(f"{archive.name}: {error}; expected names within the archive; do not trust it") from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise BadInput(f"{archive.name}: it is no whole archive ({error}); get it again") from error


def _decompressed(archive: Path, file: IO[bytes]) -> IO[bytes]:
    """The content of an archive by what it begins with; unlike tarfile's own, these raise EOFError where it was cut."""
    with open(archive, "rb") as opened:
        begin = opened.read(6)
    if begin.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if begin.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if begin.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(file)
    return file


def _plain(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Files and folders only, where the standard library's filter lets them be."""
    if not (member.isreg() or member.isdir()):
        raise BadInput(f"{member.name!r} in the archive is a link or a device; expected files; do not trust it")
    return tarfile.data_filter(member, folder)


class _Counted(io.FileIO):
    """A file that tells how much of it has been read."""

    def __init__(self, path: Path, advance: Callable[[int], None]) -> None:
        super().__init__(path)
        self._advance = advance

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size) or b""
        self._advance(len(content))
        return content


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
