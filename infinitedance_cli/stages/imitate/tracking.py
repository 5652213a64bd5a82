"""What an engine is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.body import SimulatedBody

FloatArray = NDArray[np.floating]

Quality = Literal["physical", "fast"]

CONTACT_LABELS = ("left_foot", "right_foot", "rest")
"""Where the floor pushes: ankle and toes of each side, and all other parts together."""

LOST_M = 0.5
"""A body whose joints are further than this from the reference, on average, has fallen (as PHC is evaluated)."""


@dataclass(frozen=True, eq=False)
class Tracking:
    """What a simulated body did in place of a reference of T frames; forces are means over the step to each frame.

    `root_position` (T, 3) metres and `joint_rotation` (T, 22, 4) local, y up. `root_force` (T, 3) newtons in the world
    and `root_torque` (T, 3) newton metres in the pelvis' frame are the help from outside that no dancer has.
    `contact_force` (T, 3, 3) newtons in the world from the floor on `CONTACT_LABELS`; `power` (T,) watts that the
    joints spend, braking counted as work. `falls` are the frames at which the body fell; it was put back on the
    reference there. `timestep_s` of the simulation.
    """

    root_position: FloatArray
    joint_rotation: FloatArray
    root_force: FloatArray
    root_torque: FloatArray
    contact_force: FloatArray
    power: FloatArray
    falls: tuple[int, ...]
    timestep_s: float


class PhysicsEngine(Protocol):
    """One physics engine and the way it makes a body follow a reference."""

    name: str

    def track(self, body: SimulatedBody, reference: MotionClip, quality: Quality) -> Tracking:
        """Let `body` dance the grounded `reference` (22 joints, T ≥ 4 frames) on the floor y = 0.

        The same input gives the same result. Help at the root is applied through nothing but the reported wrench.
        """
        ...


@runtime_checkable
class BatchedEngine(PhysicsEngine, Protocol):
    """An engine that is faster with many clips at once; it is given up to `clips_at_once` of them."""

    clips_at_once: int

    def track_many(self, clips: Sequence[tuple[SimulatedBody, MotionClip]], quality: Quality) -> list[Tracking]:
        """`track` for each body and reference; each comes out as it would alone, to rounding."""
        ...
