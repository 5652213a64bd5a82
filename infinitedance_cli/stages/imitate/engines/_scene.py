"""The body in MuJoCo: the compiled scene, its servos, and where things are in MuJoCo's arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.imitate.body import GRAVITY, SimulatedBody
from infinitedance_cli.stages.imitate.engines._mjcf import FLOOR, to_mjcf

FloatArray = NDArray[np.float64]

# Stiffness of the joints' servos, N·m/rad.
_STIFFNESS = {
    **{"hip": 2400.0, "knee": 2400.0, "ankle": 1600.0, "foot": 160.0, "spine1": 4000.0, "spine2": 4000.0},
    **{"spine3": 4000.0, "neck": 400.0, "head": 240.0, "collar": 1200.0, "shoulder": 800.0, "elbow": 480.0},
    "wrist": 120.0,
}
_DAMPING_S = 0.1
_ARMATURE = 0.01
_TURNING_INERTIA = 12.0
"""Inertia of an upright body about its pelvis for the gains of the help, kg·m² at 66 kg."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A compiled `model`; `order` (22,) SMPL-X joint of each MuJoCo joint; servo `stiffness` and `damping` (V,) of all
    degrees of freedom but the root's six; `contact_column` (G,) for each shape its column of the contact forces."""

    model: mujoco.MjModel
    order: tuple[int, ...]
    stiffness: FloatArray
    damping: FloatArray
    contact_column: NDArray[np.intp]
    floor: int
    weight: float

    @property
    def bodies(self) -> NDArray[np.intp]:
        """MuJoCo's body of each joint (22,)."""
        return self.model.jnt_bodyid.astype(np.intp)

    def gains(self, push: float, turn: float) -> tuple[FloatArray, FloatArray]:
        """Stiffness and damping (V,) with a critically damped spring at the root: natural frequencies of its force
        and of its torque, rad/s."""
        stiffness, damping = self.stiffness.copy(), self.damping.copy()
        mass = self.weight / GRAVITY
        turning = _TURNING_INERTIA * mass / 66.0
        for rows, inertia, rate in ((slice(0, 3), mass, push), (slice(3, 6), turning, turn)):
            stiffness[rows], damping[rows] = inertia * rate**2, 2 * inertia * rate
        return stiffness, damping


def build_scene(body: SimulatedBody, timestep_s: float) -> Scene:
    """Compile a body. Parts that overlap in the rest pose do not collide with each other."""
    plain = mujoco.MjModel.from_xml_string(to_mjcf(body, timestep_s))
    model = mujoco.MjModel.from_xml_string(to_mjcf(body, timestep_s, _overlaps(plain, body)))
    names = [model.joint(index).name for index in range(model.njnt)]
    stiffness, damping = np.zeros(model.nv), np.zeros(model.nv)
    for index, name in enumerate(names[1:], start=1):
        first = model.jnt_dofadr[index]
        stiffness[first : first + 3] = _STIFFNESS[name.removeprefix("left_").removeprefix("right_")]
    damping[6:] = _DAMPING_S * stiffness[6:]
    model.dof_damping[:] = damping
    # MuJoCo finds contact forces before it takes damping as implicit; inertia as large as damping makes both agree.
    model.dof_armature[6:] = _ARMATURE + damping[6:] * timestep_s
    return Scene(
        model,
        tuple(SMPLX_JOINT_NAMES.index(name) for name in names),
        stiffness,
        damping,
        np.array([_column(model.body(owner).name) for owner in model.geom_bodyid]),
        model.geom(FLOOR).id,
        body.weight_n,
    )


def _column(name: str) -> int:
    for column, names in enumerate((("left_ankle", "left_foot"), ("right_ankle", "right_foot"))):
        if name in names:
            return column
    return 2


def _overlaps(model: mujoco.MjModel, body: SimulatedBody) -> Iterator[tuple[str, str]]:
    data = mujoco.MjData(model)
    data.qpos[1] = body.parts[0].offset[1] + 1.0
    mujoco.mj_fwdPosition(model, data)
    for contact in data.contact:
        if contact.dist < 0:
            first, second = (model.body(model.geom_bodyid[geom]).name for geom in contact.geom)
            yield first, second
