"""One file a clip: `out.mp4`, or `out_00.mp4`, `out_01.mp4` … when there are several, as with motion files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.render.destination import Destination
from infinitedance_cli.stream.files import NewFile, clear_failure, refuse_existing

logger = logging.getLogger(__name__)

Draw = Callable[[Sequence[MotionClip], Path, int], None]
"""Draws clips that belong into one file to a path; the number is that of the first clip."""


def write_each(groups: Iterable[Sequence[MotionClip]], destination: Destination, draw: Draw) -> int:
    """Draw each group into a file of its own, which gets its name when it is complete; returns the number of clips.

    A stream is drawn as it comes: only after the first file is there is it known whether it needs a number.
    Raises StageFailed when there are none or writing fails, UsageError when a numbered file exists.
    """
    path, count = destination.path, 0
    iterator = iter(groups)
    group = next(iterator, None)
    if group is None:
        raise StageFailed(f"{path}: there were no clips to draw; nothing was written")
    number, following = 0, None
    while group is not None:
        target = path if number == 0 else _numbered(path, number, destination)
        with NewFile(target) as new:
            with clear_failure(target):
                draw(group, Path(new.file.name), count)
            following = next(iterator, None)
            if number == 0 and following is not None:
                target = _numbered(path, 0, destination)
            new.finish(target)
        logger.info("wrote %s", target)
        count += len(group)
        group, number = following, number + 1
    return count


def _numbered(path: Path, number: int, destination: Destination) -> Path:
    target = path.with_name(f"{path.stem}_{number:02d}{path.suffix}")
    refuse_existing(target, force=destination.force)
    return target
