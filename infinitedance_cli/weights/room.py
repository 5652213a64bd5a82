"""Sizes as people read them, and room for them on the disk."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infinitedance_cli.errors import StageFailed

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def readable_size(size: int) -> str:
    """Bytes in megabytes, from a thousand of them on in gigabytes."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def require_room(needed: int, folder: Path, what: str) -> None:
    """Raise StageFailed, saying how much `what` needs and where, unless so many bytes are free in the folder."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StageFailed(
            f"{what} needs {readable_size(needed)} in {folder}, where {readable_size(free)} are free; {_REMEDY}"
        )


@contextmanager
def full_disk_is_said(folder: Path, what: str) -> Iterator[None]:
    """Turn the error of a disk that fills up, or a file as large as it may be, into a StageFailed.

    By its text as well as by its number: safetensors passes on no more than the text.
    """
    try:
        yield
    except Exception as error:
        reason = next((os.strerror(code) for code in _FULL if os.strerror(code) in str(error)), "")
        if not reason:
            raise
        raise StageFailed(
            f"{what}: no more room in {folder} ({reason.lower()}); what has come is kept; {_REMEDY}"
        ) from error


_REMEDY = "make room, or set IDANCE_CACHE to a folder that has more, and run it again"
