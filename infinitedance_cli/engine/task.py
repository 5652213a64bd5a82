"""A stage that any process can load, and what a worker does with it."""

from __future__ import annotations

import errno
import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from infinitedance_cli.config import to_dict
from infinitedance_cli.engine.inputs import Input
from infinitedance_cli.errors import BadInput, IdanceError, MissingResource, StageFailed
from infinitedance_cli.log import Said
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.codec import decode, encode
from infinitedance_cli.stream.facts import ClipFacts, facts_of

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_OF_THE_RESULT = ("device", "jobs")
"""Settings that say where work is done, not what comes out."""


@dataclass(frozen=True)
class Result:
    """What a stage made of one thing: `values`, and the error that ended it, if one did."""

    values: list[Any]
    error: IdanceError | None = None


@dataclass(frozen=True)
class Work:
    """A stage with its model loaded.

    `run` takes up to `at_once` things (more than one where that is faster) and gives a result for each, in order.
    `load` reads an input; a stage whose things are not clips brings its own.
    """

    run: Callable[[Sequence[Any]], Iterator[Result]]
    at_once: int = 1
    load: Callable[[Input], Sequence[Any]] = lambda source: source.load()


def one_by_one(stage: Callable[[Iterable[Any]], Iterable[Any]]) -> Callable[[Sequence[Any]], Iterator[Result]]:
    """`Work.run` of a stage function: each thing by itself, so that one that fails leaves the others alone."""

    def run(things: Sequence[Any]) -> Iterator[Result]:
        for thing in things:
            values: list[Any] = []
            error: IdanceError | None = None
            try:
                values.extend(stage([thing]))
            except (BadInput, StageFailed) as found:
                error = found
            yield Result(values, error)

    return run


@dataclass(frozen=True)
class Task:
    """A stage as text and settings: `target` is "module:function", which takes the config and returns `Work`."""

    target: str
    config: Any

    def load(self) -> Work:
        """Load the stage and its model. Raises MissingResource, UsageError and BadInput as the stage does."""
        module, _, name = self.target.partition(":")
        work: Work = getattr(import_module(module), name)(self.config)
        return work

    def fingerprint(self) -> str:
        """The same for the same stage and settings, apart from those that only say where the work is done."""
        settings = {name: value for name, value in to_dict(self.config).items() if name not in _NOT_OF_THE_RESULT}
        text = json.dumps([self.target, settings], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class EncodedClip:
    """A clip as its HDF5 image, with what an index says of it: how clips come back from a worker."""

    image: bytes
    facts: ClipFacts

    def clip(self) -> MotionClip:
        """The clip itself."""
        return decode(self.image, self.facts.clip_id)


@dataclass
class Answer:
    """What became of one input: a result for each thing in it, its `key`, and what was `said` meanwhile; `unread`: it
    could not even be read."""

    results: list[Result]
    key: str = ""
    said: list[Said] = field(default_factory=list)
    unread: bool = False

    @property
    def error(self) -> IdanceError | None:
        """The first error of its results."""
        return next((result.error for result in self.results if result.error is not None), None)

    @property
    def values(self) -> list[Any]:
        """All that was made."""
        return [value for result in self.results for value in result.values]


class UnfitError(Exception):
    """This worker cannot do the work, though another may: no model, a full disk. `reason` is what a user would see."""

    def __init__(self, reason: IdanceError, host: str) -> None:
        super().__init__(reason, host)
        self.reason, self.host = reason, host


class Answerer:
    """A worker: the stage of a task, loaded once, and answers to inputs. `keyed` answers tell the inputs' keys.

    Raises UnfitError when the stage cannot be loaded here.
    """

    def __init__(self, task: Task, *, keyed: bool) -> None:
        self._keyed = keyed
        try:
            self._work = task.load()
        except MissingResource as error:
            raise UnfitError(error, platform.node()) from error

    @property
    def at_once(self) -> int:
        """How many inputs are best answered together."""
        return self._work.at_once

    def answers(self, inputs: Sequence[Input]) -> list[Answer]:
        """An answer for each input; what fails is in there. Raises UnfitError as said, other errors as they are."""
        try:
            return self._answers(inputs)
        except MissingResource as error:
            raise UnfitError(error, platform.node()) from error
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            full = StageFailed(f"{error.filename or 'temporary files'}: the disk of {platform.node()} is full")
            raise UnfitError(full, platform.node()) from error

    def _answers(self, inputs: Sequence[Input]) -> list[Answer]:
        answers, things = [], []
        for one in inputs:
            answer = Answer([])
            try:
                loaded = list(self._work.load(one))
                things += [(answer, thing) for thing in loaded]
                answer.key = one.key() if self._keyed else ""
            except BadInput as error:
                answer.results.append(Result([], error))
                answer.unread = True
            answers.append(answer)
        results = self._work.run([thing for _, thing in things])
        for (answer, _), result in zip(things, results, strict=True):
            answer.results.append(Result([_packed(value) for value in result.values], result.error))
        return answers


def _packed(value: Any) -> Any:
    """Clips as `EncodedClip`, also inside tuples and lists."""
    if isinstance(value, MotionClip):
        return EncodedClip(encode(value), facts_of(value))
    if isinstance(value, tuple | list):
        return type(value)(_packed(one) for one in value)
    return value
