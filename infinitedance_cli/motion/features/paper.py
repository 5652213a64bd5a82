"""Extraction of the paper's 259 columns from joint positions and SMPL-like local rotations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.features.heading import pelvis_angles
from infinitedance_cli.motion.features.layout import PAPER_259
from infinitedance_cli.motion.features.trajectory import encode_trajectory

FloatArray = NDArray[np.floating]


def encode_paper(positions: FloatArray, rotations: FloatArray) -> NDArray[np.float32]:
    """259-d features (T-1, 259) of `positions` (T, 22, 3) metres and local `rotations` (T, 22, 4).

    The heading is the smoothed yaw of the pelvis (`pelvis_angles`), which stays defined in floor work and rolls.
    """
    joints = positions.astype(np.float64)
    parts = encode_trajectory(joints, pelvis_angles(rotations[:, 0]))
    parts["joint_rotation"] = rotation.to_6d(rotations[:-1, 1:]).reshape(len(joints) - 1, -1)
    return PAPER_259.assemble(parts)
