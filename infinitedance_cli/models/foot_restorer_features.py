"""The paper's 259 columns as the foot restorer reads them: which it owns, and the root taken out of the others.

In the paper's vector the height and the velocity of every joint hold the root's. Columns that are held fixed would so
give away, in training, the very root that is to be found, and at use hold on to the damaged one. Here all joints but
the root are told relative to it, in position and in velocity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.features import PAPER_259
from infinitedance_cli.motion.features.heading import turn, wrap

FloatArray = NDArray[np.floating]

LEG_JOINTS = (1, 2, 4, 5, 7, 8, 10, 11)
"""Hips, knees, ankles and feet: their rotations are owned."""
MOVING_JOINTS = (4, 5, 7, 8, 10, 11)
"""Knees, ankles and feet: their positions and velocities are owned; the hips' follow from the root's turn."""


def _columns(block: str, first: int, width: int, joints: tuple[int, ...]) -> list[int]:
    start = PAPER_259.block(block).start
    return [start + (joint - first) * width + axis for joint in joints for axis in range(width)]


ROOT_COLUMNS = (*range(PAPER_259.block("root_velocity").start, PAPER_259.block("root_height").stop),)
"""Root velocity (x, z) and height."""
ROOT_STEP_COLUMNS = (*_columns("joint_velocity", 0, 3, (0,)),)
VELOCITY_COLUMNS = (*_columns("joint_velocity", 0, 3, MOVING_JOINTS),)
POSITION_COLUMNS = (*_columns("joint_position", 1, 3, MOVING_JOINTS),)
ROTATION_COLUMNS = (*_columns("joint_rotation", 1, 6, LEG_JOINTS),)
OWNED = (*ROOT_COLUMNS, *ROOT_STEP_COLUMNS, *VELOCITY_COLUMNS, *POSITION_COLUMNS, *ROTATION_COLUMNS)
"""The columns that the restorer replaces. The root's turn (yaw velocity) is not among them."""


def _slices() -> dict[str, slice]:
    widths = {"root": ROOT_COLUMNS, "step": ROOT_STEP_COLUMNS, "velocity": VELOCITY_COLUMNS}
    widths |= {"position": POSITION_COLUMNS, "rotation": ROTATION_COLUMNS}
    result, start = {}, 0
    for name, columns in widths.items():
        result[name] = slice(start, start + len(columns))
        start += len(columns)
    return result


PARTS = _slices()
"""Where root (3), step (3), velocity (18), position (18) and rotation (48) lie among the owned columns."""


def encode(positions: FloatArray, rotations: FloatArray, angles: FloatArray) -> NDArray[np.float32]:
    """Features (..., T, 259) of joints (..., T ≥ 2, 22, 3), local rotations (..., T, 22, 4) and frame angles (..., T).

    Columns as `PAPER_259` tells them, but joints 1..21 relative to the root. Unlike there, the last frame is kept: its
    velocities are those of the frame before.
    """
    steps = np.diff(positions, axis=-3)
    steps = np.concatenate((steps, steps[..., -1:, :, :]), axis=-3)
    following = np.concatenate((angles[..., 1:], angles[..., -1:]), axis=-1)
    half_turn = 0.5 * wrap(following - angles)
    root, root_step = positions[..., :1, :], steps[..., :1, :]
    local = positions[..., 1:, :] - root
    joint_step = steps[..., 1:, :] - root_step
    moves = turn(np.concatenate((root_step, joint_step), axis=-2), angles[..., None])
    parts = {
        "yaw_velocity": half_turn[..., None],
        "root_velocity": turn(root_step[..., 0, :], following)[..., [0, 2]],
        "root_height": root[..., 0, 1:2],
        "joint_velocity": moves.reshape(*moves.shape[:-2], -1),
        "joint_position": _flat(turn(local, angles[..., None])),
        "joint_rotation": _flat(rotation.to_6d(rotations[..., 1:, :])),
    }
    return PAPER_259.assemble(parts)


def pelvis_in_heading(pelvis: FloatArray, angles: FloatArray) -> NDArray[np.float32]:
    """Rotation matrices (..., T, 3, 3) of the pelvis (..., T, 4) in the heading frame."""
    return rotation.to_matrix(rotation.multiply(rotation.about_axis("y", angles), pelvis)).astype(np.float32)


def _flat(values: FloatArray) -> FloatArray:
    return values.reshape(*values.shape[:-2], -1)
