"""What an engine is asked to simulate, and what comes of it; how runs that ask are kept supplied.

A run is a generator that yields the rollouts it wants next, all from states it knows, and is sent their outcomes. So
the way in which a clip is imitated is written once, and engines simulate what it asks for one by one or, of many clips,
all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.imitate.engines._scene import Scene
from infinitedance_cli.stages.imitate.reference import ReferenceStates
from infinitedance_cli.stages.imitate.tracking import LOST_M

FloatArray = NDArray[np.float64]

PLAN_EVERY = 2
"""Steps for which forces that were planned are held."""
TORQUE_LIMIT = 500.0
"""Newton metres that a joint gives at most about an axis, without what damps it."""
BALANCE_HZ = (8.0, 10.0)
BALANCE_SHARE = 0.3
"""Part of what springs of these natural frequencies, rad/s, would ask of the root that is asked of the floor."""


@dataclass(frozen=True)
class Help:
    """A critically damped spring at the root: natural frequencies `push` of its force and `turn` of its torque, rad/s;
    `fill` is the share of what the floor cannot give in the plan that is given from outside."""

    push: float
    turn: float
    fill: float = 1.0


@dataclass(frozen=True, eq=False)
class State:
    """All that a simulation remembers: `position` (Q,), `velocity` (V,), and the `warmstart` (V,) of its solver."""

    position: FloatArray
    velocity: FloatArray
    warmstart: FloatArray


@dataclass(frozen=True, eq=False)
class Rollout:
    """Follow K = F·substeps + 1 `states` from `start` with `help_`.

    `joints` (F + 1, 22, 3) are the reference's joint positions, to see whether the body is lost; `correction` (K, 6) a
    root wrench that the floor is asked for besides. Without `report`, contact forces may be left zero.
    """

    scene: Scene
    start: State
    states: ReferenceStates
    joints: FloatArray
    help_: Help
    correction: FloatArray
    report: bool = True


@dataclass(frozen=True, eq=False)
class Window:
    """F simulated frames: `position` (F, Q), mean `wrench` (F, 6), `contact_force` (F, 3, 3), `power` (F,) and `away`
    (F, 22, 3), the joints' distance from the reference, metres. `lost_at`: the frame of the window at which the body
    fell, where it ends; None when it did not."""

    position: FloatArray
    wrench: FloatArray
    contact_force: FloatArray
    power: FloatArray
    away: FloatArray
    lost_at: int | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """The `window` of a rollout and the `state` at its end."""

    window: Window
    state: State


def is_lost(away: FloatArray) -> NDArray[np.bool_]:
    """Whether a body whose joints are `away` (..., J, 3) from the reference has fallen, or is nowhere."""
    found: NDArray[np.bool_] = ~(np.linalg.norm(away, axis=-1).mean(axis=-1) <= LOST_M)
    return found


Result = TypeVar("Result")
Asking = Generator[list[Rollout], list[Outcome], Result]
Simulate = Callable[[Sequence[Rollout]], list[Outcome]]


def finish(runs: Sequence[Asking[Result]], simulate: Simulate) -> list[Result]:
    """Let all `runs` go on to their ends side by side; what they ask for is simulated together."""
    results: dict[int, Result] = {}
    answers: dict[int, list[Outcome] | None] = dict.fromkeys(range(len(runs)))
    while answers:
        wanted: dict[int, list[Rollout]] = {}
        for index, answer in answers.items():
            try:
                wanted[index] = next(runs[index]) if answer is None else runs[index].send(answer)
            except StopIteration as end:
                results[index] = end.value
        outcomes = iter(simulate([rollout for asked in wanted.values() for rollout in asked]) if wanted else ())
        answers = {index: [next(outcomes) for _ in asked] for index, asked in wanted.items()}
    return [results[index] for index in range(len(runs))]
