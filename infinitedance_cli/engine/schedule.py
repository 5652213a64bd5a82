"""Inputs to workers and answers back in the order of the inputs, whoever dies on the way."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from infinitedance_cli.engine.inputs import Input
from infinitedance_cli.engine.task import Answer, Result, UnfitError
from infinitedance_cli.errors import StageFailed

logger = logging.getLogger(__name__)

_AHEAD = 2
"""Batches that a worker has: one to work on, and the next, so that it never waits."""
_WINDOW = 6
"""Batches for each worker that are worked on or wait for an earlier one: what is held in memory."""
_TRIES = 3


@dataclass(frozen=True)
class Ready:
    """A worker has loaded its model, and likes `at_once` inputs together."""

    at_once: int


@dataclass(frozen=True)
class Answered:
    """A worker has answered the oldest batch that it has."""

    answers: list[Answer]


@dataclass(frozen=True)
class Lost:
    """A worker is gone, with what it had; `reason` says how."""

    reason: str


@dataclass(frozen=True)
class Unfit:
    """A worker cannot do the work, and has ended."""

    error: UnfitError


Event = Ready | Answered | Lost | Unfit


class Workers(Protocol):
    """Workers of one kind. Errors of the stage that are not about one input are raised by `wait`."""

    def start(self) -> int:
        """Start one more; returns its number at once."""
        ...

    def send(self, worker: int, inputs: Sequence[Input]) -> None:
        """Give a worker that is ready its next batch."""
        ...

    def wait(self) -> list[tuple[int, Event]]:
        """What happened next, at least one event, those of a worker in order."""
        ...

    def close(self) -> None:
        """End all."""
        ...


@dataclass(eq=False)
class _Batch:
    inputs: tuple[Input, ...]
    losses: int = 0
    answers: list[Answer] | None = None


@dataclass
class _Worker:
    batches: deque[_Batch]
    at_once: int = 0

    @property
    def ready(self) -> bool:
        return self.at_once > 0


class Schedule:
    """Answers to `inputs` from `count` workers, in order.

    A worker that dies is replaced and its batch given to another; an input that took three of them with it is answered
    by a StageFailed. A worker that cannot do the work is not replaced; when none is left, its reason is raised.
    """

    def __init__(self, workers: Workers, inputs: Iterator[Input], count: int) -> None:
        self._workers, self._inputs, self._count = workers, inputs, count
        self._order: deque[_Batch] = deque()
        self._again: deque[_Batch] = deque()
        self._known: dict[int, _Worker] = {}
        self._failed_starts = 0
        self._exhausted = False

    def run(self) -> Iterator[tuple[Input, Answer]]:
        """Each input with its answer; the workers end when the iterator does."""
        try:
            for _ in range(self._count):
                self._start()
            while True:
                self._give()
                while self._order and self._order[0].answers is not None:
                    batch = self._order.popleft()
                    assert batch.answers is not None
                    yield from zip(batch.inputs, batch.answers, strict=True)
                    self._give()
                if self._exhausted and not self._order:
                    return
                for number, event in self._workers.wait():
                    self._take(number, event)
        finally:
            self._workers.close()

    def _start(self) -> None:
        self._known[self._workers.start()] = _Worker(deque())

    def _give(self) -> None:
        """Fill up the workers, the one with least to do first."""
        for depth in range(_AHEAD):
            for number, worker in list(self._known.items()):
                if worker.ready and len(worker.batches) <= depth and (batch := self._next(worker.at_once)):
                    worker.batches.append(batch)
                    self._workers.send(number, batch.inputs)

    def _next(self, at_once: int) -> _Batch | None:
        if self._again:
            return self._again.popleft()
        if self._exhausted or len(self._order) >= _WINDOW * self._count:
            return None
        inputs = tuple(islice(self._inputs, at_once))
        if not inputs:
            self._exhausted = True
            return None
        batch = _Batch(inputs)
        self._order.append(batch)
        return batch

    def _take(self, number: int, event: Event) -> None:
        worker = self._known[number]
        if isinstance(event, Ready):
            worker.at_once, self._failed_starts = event.at_once, 0
        elif isinstance(event, Answered):
            batch = worker.batches.popleft()
            batch.answers = event.answers
        elif isinstance(event, Unfit):
            del self._known[number]
            self._again.extendleft(reversed(worker.batches))
            if not self._known:
                raise event.error.reason
            logger.warning("a worker on %s is left out: %s", event.error.host, event.error.reason)
        else:
            self._lose(number, event.reason)

    def _lose(self, number: int, reason: str) -> None:
        worker = self._known.pop(number)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _TRIES * self._count:
                raise StageFailed(f"workers end while they start ({reason}); see if the memory is enough")
        elif worker.batches:
            self._blame(worker.batches.popleft(), reason)
        logger.warning("a worker is gone (%s); another takes over its work", reason)
        self._again.extendleft(reversed(worker.batches))
        self._start()

    def _blame(self, batch: _Batch, reason: str) -> None:
        """The batch that a worker died of, or beside: again, each input by itself, but not for ever."""
        losses = batch.losses + 1
        if len(batch.inputs) == 1 and losses >= _TRIES:
            text = f"{batch.inputs[0].where}: {losses} workers died while they worked on it ({reason})"
            batch.answers = [Answer([Result([], StageFailed(text))])]
            return
        alone = [_Batch((one,), losses) for one in batch.inputs]
        place = self._order.index(batch)
        del self._order[place]
        for offset, one in enumerate(alone):
            self._order.insert(place + offset, one)
        self._again.extendleft(reversed(alone))
