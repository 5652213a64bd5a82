"""A stage that says what it works on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from infinitedance_cli.engine.task import Work, one_by_one
from infinitedance_cli.motion.clip import MotionClip


def open_stage(settings: int) -> Work:
    def stage(clips: Iterable[MotionClip]) -> Iterator[MotionClip]:
        for clip in clips:
            logging.getLogger("infinitedance_cli.example").info("at work on %s", clip.clip_id)
            yield clip

    return Work(one_by_one(stage))
