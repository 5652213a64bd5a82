"""A task over many inputs, wherever it is placed."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import chain, islice

from infinitedance_cli.engine.inputs import Input
from infinitedance_cli.engine.placement import Placement
from infinitedance_cli.engine.schedule import Schedule
from infinitedance_cli.engine.task import Answer, Answerer, Task, UnfitError

Answers = Generator[tuple[Input, Answer], None, None]


def answers(inputs: Iterator[Input], task: Task, placement: Placement, *, keyed: bool = False) -> Answers:
    """Each input with its answer, in order; the same answers wherever it runs. `keyed` answers tell the inputs' keys.

    No more workers are started than there are inputs, and none for one. At most six batches a worker are held. What was
    logged while an input was worked on is logged before its answer.
    Raises what a stage raises that is not about one input: MissingResource, UsageError, a bug.
    """
    first = list(islice(inputs, 1 if placement.on_ray else placement.jobs or 1))
    inputs = chain(first, inputs)
    if placement.alone or (len(first) < 2 and not placement.on_ray):
        yield from _alone(inputs, task, keyed)
        return
    if not first:
        return
    if not placement.on_ray:
        placement = replace(placement, jobs=len(first))
    for one, answer in _beside(inputs, task, placement, keyed):
        for said in answer.said:
            said.repeat()
        yield one, answer


def _beside(inputs: Iterator[Input], task: Task, placement: Placement, keyed: bool) -> Iterator[tuple[Input, Answer]]:
    if placement.on_ray:
        from infinitedance_cli.engine.ray_actors import RayWorkers

        actors = RayWorkers(task, placement, keyed=keyed)
        return Schedule(actors, inputs, actors.count).run()
    from infinitedance_cli.engine.processes import ProcessWorkers

    count = placement.jobs or 1
    return Schedule(ProcessWorkers(task, count, keyed=keyed), inputs, count).run()


def _alone(inputs: Iterator[Input], task: Task, keyed: bool) -> Iterator[tuple[Input, Answer]]:
    try:
        answerer = Answerer(task, keyed=keyed)
        while batch := list(islice(inputs, answerer.at_once)):
            yield from zip(batch, answerer.answers(batch), strict=True)
    except UnfitError as error:
        raise error.reason from error
