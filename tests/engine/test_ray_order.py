"""Answers of a Ray actor are taken in the order in which they were asked for, whichever Ray tells of first."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

from infinitedance_cli.engine.ray_actors import RayWorkers
from infinitedance_cli.engine.schedule import Answered
from infinitedance_cli.engine.task import Answer


def test_a_later_answer_that_is_told_of_first_waits_for_the_earlier() -> None:
    answers = {"first": [Answer([], key="first")], "second": [Answer([], key="second")]}

    def latest(references: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return references[-num_returns:], references[:-num_returns]

    errors = SimpleNamespace(
        **dict.fromkeys(
            "RayActorError ObjectLostError OutOfMemoryError WorkerCrashedError OutOfDiskError RayTaskError".split(),
            TimeoutError,
        )
    )
    workers = RayWorkers.__new__(RayWorkers)
    workers._ray = SimpleNamespace(wait=latest, get=answers.__getitem__, exceptions=errors)
    workers._pending = {0: deque(answers)}
    told = [event for _ in answers for _, event in workers.wait()]
    assert [event.answers[0].key for event in told if isinstance(event, Answered)] == ["first", "second"]
