"""Joint positions as other programs wrote them, for measuring: not retargeted, not set on a floor, not smoothed.

Files of positions are taken as they are. Files of SMPL rotations get positions by forward kinematics on a rest
skeleton: rounded adult proportions, or the joints of a body that the user is licensed to have (`rest_joints`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._npy import read_floats
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget import world_motion
from infinitedance_cli.motion.retarget.smpl import smpl_offsets
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, SMPLX_PARENTS

FloatArray = NDArray[np.floating]

FROM_FILE = "positions of the file"
FROM_ROTATIONS = "rotations of the file on rounded adult proportions"
FROM_REST_JOINTS = "rotations of the file on the given rest joints"

Z_UP_TO_Y_UP = rotation.about_axis("x", np.array(-np.pi / 2))
"""Turns a world with z up, as EDGE's, into one with y up."""


@dataclass(frozen=True)
class PeerMotion:
    """A dance of another program: `positions` (T, J, 3) metres, y up, J 22, 24 (SMPL, with hands) or 55 (SMPL-X).

    `rotations` (T, 22, 4) local to the parent where the file has them; `joints_from` says where positions come from.
    """

    name: str
    fps: float
    positions: NDArray[np.float64]
    joints_from: str
    rotations: FloatArray | None = None


def from_positions(name: str, fps: float, positions: FloatArray) -> PeerMotion:
    """Positions (T, J, 3) as they are. Raises BadInput on no frames, another joint count or values not finite."""
    known = (BODY_JOINT_COUNT, BODY_JOINT_COUNT + 2, len(SMPLX_JOINT_NAMES))
    if positions.ndim != 3 or positions.shape[1] not in known or positions.shape[2] != 3 or not len(positions):
        raise BadInput(f"{name}: joints have shape {positions.shape}; expected (T, 22, 24 or 55, 3)")
    _require_finite(name, positions)
    return PeerMotion(name, fps, positions.astype(np.float64), FROM_FILE)


def from_rotations(
    name: str, fps: float, pelvis: FloatArray, rotations: FloatArray, rest_joints: FloatArray | None
) -> PeerMotion:
    """Positions by forward kinematics: `pelvis` (T, 3) metres in the world, `rotations` (T, 22, 4), y up.

    `rest_joints` (J ≥ 22, 3) metres gives 55 joints where it has as many, face and hands at rest; 22 without it.
    """
    count, offsets = BODY_JOINT_COUNT, smpl_offsets()
    if rest_joints is not None:
        whole = len(rest_joints) >= len(SMPLX_JOINT_NAMES)
        count = len(SMPLX_JOINT_NAMES) if whole else BODY_JOINT_COUNT
        offsets = rest_joints[:count].astype(np.float64)
        offsets[1:] -= rest_joints[list(SMPLX_PARENTS[1:count])]
    turns = rotation.identity(len(rotations), count).astype(np.float64)
    turns[:, :BODY_JOINT_COUNT] = rotations
    moving = np.repeat(offsets[None], len(pelvis), axis=0)
    moving[:, 0] = pelvis
    _require_finite(name, moving[:, 0])
    _require_finite(name, turns)
    positions, _ = world_motion(SMPLX_PARENTS[:count], moving, turns)
    source = FROM_ROTATIONS if rest_joints is None else FROM_REST_JOINTS
    return PeerMotion(name, fps, np.asarray(positions, np.float64), source, turns[:, :BODY_JOINT_COUNT])


def read_rest_joints(path: Path) -> NDArray[np.float64]:
    """Rest joint positions (J ≥ 22, 3) in metres from a `.npy`. Raises BadInput when it holds something else."""
    expected = "rest joint positions (22 or more, 3)"
    joints = read_floats(path, expected)
    if joints.ndim == 3 and len(joints) == 1:
        joints = joints[0]
    if joints.ndim != 2 or joints.shape[1] != 3 or len(joints) < BODY_JOINT_COUNT:
        raise BadInput(f"{path}: has shape {joints.shape}; expected {expected}")
    return joints


def _require_finite(name: str, values: FloatArray) -> None:
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        raise BadInput(f"{name}: a value is not finite at frame {int(np.argmin(finite))}")
