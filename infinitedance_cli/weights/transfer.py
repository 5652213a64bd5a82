"""What all downloads share: that something cannot be had, in one line, and a bar that follows what has arrived."""

from __future__ import annotations

import os
import threading
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infinitedance_cli import log

_LOOK_EVERY_S = 0.2


class Unreachable(Exception):
    """What is published cannot be had; the text says why. Never leaves this package."""


@contextmanager
def following_bar(label: str, total: int, arrived: Callable[[], int]) -> Iterator[None]:
    """One bar by what has `arrived`, in bytes: each origin downloads in its own way."""
    done = threading.Event()
    with log.progress_bar(label, total, unit="B") as advance:
        shown = 0

        def look() -> None:
            nonlocal shown
            while not done.wait(_LOOK_EVERY_S):
                now = min(arrived(), total)
                if now > shown:
                    advance(now - shown)
                    shown = now

        watcher = threading.Thread(target=look, name="idance-download", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def bytes_in(folder: Path) -> int:
    """Size of all files in a folder that may be changing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:  # renamed between listing and looking
                continue
    return total


def one_line(error: BaseException) -> str:
    """The reason of an error without line breaks."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return " ".join(str(reason).split()) or type(error).__name__
