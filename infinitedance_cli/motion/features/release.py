"""Extraction of the release's 264 columns from joint positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.features.heading import release_angles
from infinitedance_cli.motion.features.layout import RELEASE_264
from infinitedance_cli.motion.features.trajectory import encode_trajectory

FloatArray = NDArray[np.floating]

CHAINS = ((0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20))
"""HumanML3D's kinematic chains; the arms branch off joint 9 (spine3)."""

_X, _Y, _Z = np.eye(3)
RAW_DIRECTIONS = np.stack([0 * _X, _X, -_X, _Y, -_Y, -_Y, _Y, -_Y, -_Y, _Y, _Z, _Z, _Y, _X, -_X, _Z, *([-_Y] * 6)])
"""Direction of the bone that ends in each joint, (22, 3), in HumanML3D's reference pose (arms hang)."""

CONTACT_JOINTS = (7, 10, 8, 11)
CONTACT_SQUARED_STEP = 0.002
"""A foot joint is in contact when its squared step is below this, m²/frame²: 4.5 cm a frame."""


def swing_rotations(positions: FloatArray, angles: FloatArray) -> FloatArray:
    """Rotations (T, 22, 4) of HumanML3D's inverse kinematics: swing only, stored at the end joint of each bone.

    Every chain starts from the heading rotation itself (world → heading), also the arms, which skip joint 9.
    """
    result = np.zeros((*positions.shape[:-1], 4))
    root = rotation.about_axis("y", angles)
    result[:, 0] = root
    for chain in CHAINS:
        parent = root
        for start, end in zip(chain, chain[1:], strict=False):
            bone = rotation.between(RAW_DIRECTIONS[end], positions[:, end] - positions[:, start])
            result[:, end] = rotation.multiply(rotation.inverse(parent), bone)
            parent = bone
    return result


def release_contacts(positions: FloatArray) -> FloatArray:
    """Contacts (T-1, 4) in {0, 1}: left ankle, left foot, right ankle, right foot; by squared step only."""
    steps = np.diff(positions[:, CONTACT_JOINTS], axis=0)
    planted: FloatArray = (np.sum(steps**2, axis=-1) < CONTACT_SQUARED_STEP).astype(np.float64)
    return planted


def encode_release(positions: FloatArray, *, bit_compatible: bool = False) -> NDArray[np.float32]:
    """264-d features (T-1, 264) of `positions` (T, 22, 3) in metres, already on the floor, at the origin, facing +Z.

    `bit_compatible` keeps the wrong yaw sign where the heading crosses ±180° (see `heading`).
    """
    joints = positions.astype(np.float64)
    angles = release_angles(joints)
    parts = encode_trajectory(joints, angles, flip_sign=bit_compatible)
    yaw = parts["yaw_velocity"]
    parts["accumulated_yaw"] = np.concatenate((np.zeros((1, 1)), np.cumsum(yaw[:-1], axis=0)))
    rotations = swing_rotations(joints[:-1], angles[:-1])[:, 1:]
    parts["joint_rotation"] = rotation.to_6d(rotations).reshape(len(yaw), -1)
    parts["contact"] = release_contacts(joints)
    return RELEASE_264.assemble(parts)
