"""The body of every command that turns clips into clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from infinitedance_cli.engine.failures import Failures
from infinitedance_cli.engine.inputs import Input, find_clips
from infinitedance_cli.engine.outputs import ShardOutput, check_clip_output, is_folder
from infinitedance_cli.engine.placement import Placement
from infinitedance_cli.engine.run import answers
from infinitedance_cli.engine.task import Answer, Task
from infinitedance_cli.log import progress
from infinitedance_cli.stream.ports import check_inputs, write_clips


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
        with ShardOutput(Path(output), task.fingerprint()) as target:
            todo = target.missing(find_clips(sources))
            with closing(answers(todo, task, placement, keyed=True)) as answered:
                target.write_all(_counted(progress(answered, "clips"), failures))
        failures.inputs += target.present
    else:
        with closing(answers(find_clips(sources), task, placement)) as answered:
            _write_file(_counted(answered, failures), output, failures, "clips", hint, force=force)
    failures.raise_if_any("clips", hint)


def write_answers(
    answered: Iterator[Answer], output: str, task: Task, failures: Failures, what: str, *, force: bool
) -> None:
    """Writes clips of answers that are counted in `failures` as they come; raises as the writers, and as
    `Failures.raise_if_any` where nothing is left to write."""
    if is_folder(output):
        with ShardOutput(Path(output), task.fingerprint()) as target:
            target.write_all(answered)
    else:
        _write_file(answered, output, failures, what, "", force=force)


def _counted(answered: Iterable[tuple[Input, Answer]], failures: Failures) -> Iterator[Answer]:
    for source, answer in answered:
        yield answer
        failures.count(source, answer)


def _write_file(
    answered: Iterator[Answer], output: str, failures: Failures, what: str, hint: str, *, force: bool
) -> None:
    images = (value.image for answer in answered for value in answer.values)
    first = next(images, None)
    if first is None:
        failures.raise_if_any(what, hint)  # nothing is left to write
    write_clips(chain(() if first is None else (first,), images), output, force=force)
