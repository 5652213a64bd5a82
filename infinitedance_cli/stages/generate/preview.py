"""Draw the dances while they are written: a second `idance` in a pipe, as a user would put it there.

Stages do not import one another; a clip stream is how they meet.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from infinitedance_cli.errors import StageFailed, UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.files import check_new_file
from infinitedance_cli.stream.ports import write_stream

logger = logging.getLogger(__name__)

ENDINGS = (".mp4", ".mov", ".mkv", ".html", ".png")


def check_preview(preview: str, *, force: bool) -> None:
    """Fails early on a preview that cannot be drawn. Raises UsageError as `check_new_file` and on its ending."""
    path = Path(preview)
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"--preview {preview}: expected a file that ends in {', '.join(ENDINGS)}")
    check_new_file(path, force=force)


@contextmanager
def previewed(clips: Iterable[MotionClip], preview: str | None, *, force: bool) -> Iterator[Iterator[MotionClip]]:
    """The same clips, each also sent to `idance render -o preview` when it passes; None draws nothing.

    Leaving the block waits for the drawing to end. Raises StageFailed when it failed; its own line says why.
    """
    if preview is None:
        yield iter(clips)
        return
    command = [sys.executable, "-m", "infinitedance_cli", "render", "-", "-o", preview, *(["--force"] if force else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield _sent(clips, cast(BinaryIO, process.stdin))
        _close(cast(BinaryIO, process.stdin))
        if process.wait() != 0:
            raise StageFailed(f"{preview}: the preview could not be drawn, see above; the dance itself is written")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        _close(cast(BinaryIO, process.stdin))


def _sent(clips: Iterable[MotionClip], stream: BinaryIO) -> Iterator[MotionClip]:
    listening = True
    for clip in clips:
        if listening:
            try:
                write_stream([clip], stream, "the preview")
            except BrokenPipeError:
                # The drawing ended early and said why; the dance goes on without it.
                listening = False
        yield clip


def _close(stream: BinaryIO) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        logger.debug("the preview ended before all of it was sent")
