"""Where the clips of a stage go, each once: a folder of shards that a rerun completes, or a file or stream as ever.

In a folder of shards, the index says of each clip which input it was made from: `settings:input:part/parts`, hashes of
the stage's settings and of the input's content, and which of the clips from that input it is. It is committed with the
clip, so that whatever dies at whatever moment, a clip that is there counts as made, and one that counts is there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from infinitedance_cli.engine.inputs import Input
from infinitedance_cli.engine.task import Answer, EncodedClip
from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.stream.files import refuse_remote
from infinitedance_cli.stream.ports import PIPE, check_output
from infinitedance_cli.stream.shard_writer import ShardWriter
from infinitedance_cli.stream.shards import is_shard_folder

logger = logging.getLogger(__name__)


def is_folder(output: str) -> bool:
    """Whether an output names a folder: it ends in / or is one."""
    return output != PIPE and (output.endswith((os.sep, "/")) or Path(output).is_dir())


def check_clip_output(output: str, *, force: bool) -> None:
    """Fails early on an output that cannot be written. Raises UsageError as `check_output`, and on a folder that holds
    other files or is to be overwritten."""
    refuse_remote(output)
    if not is_folder(output):
        check_output(output, force=force)
        return
    folder = Path(output)
    if force and is_shard_folder(folder):
        raise UsageError(
            f"{output}: clips are added to a folder of shards, never written over; delete it, or name another"
        )
    if not folder.parent.is_dir():
        raise UsageError(f"{output}: there is no folder {folder.parent}; make it first")


class ShardOutput:
    """A folder of shards as the output of one stage with one choice of settings, whose hash is `settings`.

    Raises UsageError when another command is writing there, or its clips were made by other settings; BadInput and
    StageFailed as `ShardWriter`.
    """

    def __init__(self, folder: Path, settings: str) -> None:
        self._writer, self._settings = ShardWriter(folder), settings
        self._folder = folder
        self._parts: dict[str, set[str]] = {}
        self._done: set[bytes] = set()
        self.present = 0

    @property
    def added(self) -> int:
        """Clips written so far."""
        return self._writer.added

    def __enter__(self) -> ShardOutput:
        self._writer.__enter__()
        try:
            for entry in self._writer.before():
                self._recall(entry.facts.made_from)
        except BaseException as error:
            self._writer.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def missing(self, inputs: Iterable[Input]) -> Iterator[Input]:
        """The inputs whose clips are not all there."""
        for one in inputs:
            if self._done and self._has(one):
                self.present += 1
            else:
                yield one

    def write(self, answer: Answer) -> None:
        """Adds the clips of an input that are not there yet. One that failed in part is tried again by a rerun."""
        if answer.key and bytes.fromhex(answer.key[:32]) in self._done:
            self.present += 1  # the same content twice
            return
        parts = [(number, value) for number, result in enumerate(answer.results) for value in result.values]
        there = self._parts.get(answer.key[:32], set())
        for place, (_, value) in enumerate(parts):
            part = f"{place}/{len(parts)}" if answer.error is None else f"{place}/?"
            assert isinstance(value, EncodedClip)
            if str(place) not in there:
                made_from = f"{self._settings}:{answer.key[:32]}:{part}"
                self._writer.add(value.image, replace(value.facts, made_from=made_from))
        if answer.error is None and answer.key:
            self._done.add(bytes.fromhex(answer.key[:32]))

    def write_all(self, answered: Iterable[Answer]) -> None:
        """`write` for each, and what was written in the log."""
        for answer in answered:
            self.write(answer)
        there = f", {self.present} there already" if self.present else ""
        logger.info("%s: added %d clips%s", self._folder, self.added, there)

    def _has(self, one: Input) -> bool:
        try:
            key = one.key()
        except BadInput:
            return False  # whoever works on it says what is wrong
        return bool(key) and bytes.fromhex(key[:32]) in self._done

    def _recall(self, made_from: str) -> None:
        settings, _, rest = made_from.partition(":")
        if settings != self._settings:
            raise UsageError(
                f"{self._folder}: holds clips that were made by another command or other settings; name another folder"
            )
        key, _, part = rest.partition(":")
        place, _, count = part.partition("/")
        if count == "1":
            self._done.add(bytes.fromhex(key))
            return
        parts = self._parts.setdefault(key, set())
        parts.add(place)
        if count.isdigit() and len(parts) == int(count):
            self._done.add(bytes.fromhex(key))
            del self._parts[key]
