"""The body of every command that turns clips into clips."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from infinitedance_cli.engine.failures import Failures
from infinitedance_cli.engine.inputs import find_clips
from infinitedance_cli.engine.outputs import ShardOutput, check_clip_output, is_folder, passing_images
from infinitedance_cli.engine.placement import Placement
from infinitedance_cli.engine.run import answers
from infinitedance_cli.engine.task import Task
from infinitedance_cli.log import progress
from infinitedance_cli.stream.ports import check_inputs, write_clips

logger = logging.getLogger(__name__)


def check_clips(sources: Sequence[str], output: str, *, force: bool) -> None:
    """Fails early, as `check_inputs` and `check_clip_output`."""
    check_inputs(sources)
    check_clip_output(output, force=force)


def run_over_clips(
    sources: Sequence[str], output: str, task: Task, placement: Placement, *, force: bool = False, hint: str = ""
) -> None:
    """A task over all clips of the sources, into a file, a stream or a folder of shards, which is completed.

    Clips that fail are named and left out; when all others are written, StageFailed is raised, with `hint`. Where the
    only clip fails, its own error is raised. Raises as `check_clips`, `answers` and the writers.
    """
    check_clips(sources, output, force=force)
    failures = Failures()
    if is_folder(output):
        _into_shards(sources, Path(output), task, placement, failures)
    else:
        with closing(answers(find_clips(sources), task, placement)) as answered:
            images = passing_images(answered, failures)
            first = next(images, None)
            if first is None:
                failures.raise_if_any("clips", hint)  # nothing is left to write
            write_clips(chain(() if first is None else (first,), images), output, force=force)
    failures.raise_if_any("clips", hint)


def _into_shards(
    sources: Sequence[str], folder: Path, task: Task, placement: Placement, failures: Failures
) -> None:
    with ShardOutput(folder, task.fingerprint()) as target:
        todo = target.missing(find_clips(sources))
        with closing(answers(todo, task, placement, keyed=True)) as answered:
            for source, answer in progress(answered, "clips"):
                target.write(answer)
                failures.count(source, answer.error)
    there = f", {target.present} there already" if target.present else ""
    logger.info("%s: added %d clips%s", folder, target.added, there)
    failures.inputs += target.present
