"""`capture` over many videos, wherever it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing

from infinitedance_cli.engine.inputs import Source, file_key
from infinitedance_cli.engine.placement import Placement
from infinitedance_cli.engine.run import answers
from infinitedance_cli.engine.task import Task, Work, one_by_one
from infinitedance_cli.errors import UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.backend import load_backend
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.inputs import PIPE
from infinitedance_cli.stages.capture.stage import Outcome, capture

logger = logging.getLogger(__name__)


def open_stage(config: CaptureConfig) -> Work:
    """The stage with its backend. Raises as `load_backend`."""
    backend = load_backend(config)

    def stage(videos: Iterable[str]) -> Iterator[MotionClip]:
        return capture(videos, backend, config, Outcome())

    return Work(one_by_one(stage))


def capture_many(
    videos: Sequence[str],
    config: CaptureConfig,
    where: Placement,
    outcome: Outcome,
    *,
    is_done: Callable[[str], bool] | None,
) -> Iterator[MotionClip]:
    """`capture` of all videos; beside each other, the clips of a video come when all of it is done. `is_done` says of a
    file's hash that its clips are there; None where none are.

    Raises UsageError where a video on standard input would have to go to another process.
    """
    if (where.alone or len(videos) == 1) and not where.on_ray:
        return capture(videos, load_backend(config), config, outcome, is_done=is_done or (lambda sha256: False))
    if PIPE in videos:
        raise UsageError("- (standard input) cannot go to a worker; leave out --jobs and --run-on, or name the file")
    return _beside(videos, config, where, outcome, is_done)


def _beside(
    videos: Sequence[str],
    config: CaptureConfig,
    where: Placement,
    outcome: Outcome,
    is_done: Callable[[str], bool] | None,
) -> Iterator[MotionClip]:
    def missing() -> Iterator[Source]:
        for video in videos:
            outcome.videos += 1
            if is_done is not None and is_done(file_key(video)):
                outcome.done += 1
                logger.info("%s: done already", video)
            else:
                yield Source(video)

    task = Task("infinitedance_cli.stages.capture.work:open_stage", config)
    with closing(answers(missing(), task, where, keyed=True)) as answered:
        for source, answer in answered:
            for value in answer.values:
                outcome.clips += 1
                yield value.clip()
            if answer.error is not None:
                if len(videos) == 1:
                    raise answer.error
                logger.error("%s", answer.error)
                outcome.failures[answer.key or source.where] = str(answer.error)
