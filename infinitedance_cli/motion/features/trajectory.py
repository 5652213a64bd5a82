"""The columns that both layouts share: root, joint positions and joint velocities in the heading frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.features.heading import turn, wrap
from infinitedance_cli.motion.features.layout import FeatureLayout

FloatArray = NDArray[np.floating]


def encode_trajectory(positions: FloatArray, angles: FloatArray, *, flip_sign: bool = False) -> dict[str, FloatArray]:
    """Blocks root_height, yaw_velocity, root_velocity, joint_position and joint_velocity, (T-1, width) each.

    `positions` (T, 22, 3) metres, `angles` (T,) frame angles. `flip_sign` keeps the release's error where the heading
    crosses ±180°: the step of that frame has the wrong sign.
    """
    steps = np.diff(positions, axis=0)
    half_turn = 0.5 * np.diff(wrap(angles)) if flip_sign else 0.5 * wrap(np.diff(angles))
    local = positions[:-1, 1:] - positions[:-1, :1] * np.array([1.0, 0.0, 1.0])
    frames = len(steps)
    return {
        "root_height": positions[:-1, 0, 1:2],
        "yaw_velocity": np.arcsin(np.sin(half_turn))[:, None],
        "root_velocity": turn(steps[:, 0], angles[1:])[:, [0, 2]],
        "joint_position": turn(local, angles[:-1, None]).reshape(frames, -1),
        "joint_velocity": turn(steps, angles[:-1, None]).reshape(frames, -1),
    }


def decode_angles(features: FloatArray, layout: FeatureLayout) -> FloatArray:
    """Frame angles (T,) of the features (T, D), 0 at the first frame (release, recovery)."""
    steps = 2.0 * features[:, layout.block("yaw_velocity")][:, 0].astype(np.float64)
    return np.concatenate(([0.0], np.cumsum(steps[:-1])))


def features_to_joints(
    features: FloatArray, layout: FeatureLayout, *, with_last_frame: bool = False
) -> NDArray[np.float32]:
    """Joint positions (T, 22, 3) in metres from features (T, D), either layout.

    The pelvis starts above the origin, facing +Z. `with_last_frame` adds frame T, which the features describe only
    by the velocities of frame T-1, so that T-1 features of a T-frame clip give T frames back.
    """
    layout.check(features)
    values = features.astype(np.float64)
    frames, angles = len(values), decode_angles(features, layout)
    planar = np.zeros((frames, 3))
    planar[1:, [0, 2]] = values[:-1, layout.block("root_velocity")]
    root = np.cumsum(turn(planar, -angles), axis=0)
    local = np.zeros((frames, 22, 3))
    local[:, 1:] = values[:, layout.block("joint_position")].reshape(frames, 21, 3)
    local[:, 0, 1] = values[:, layout.block("root_height")][:, 0]
    positions = turn(local, -angles[:, None]) + root[:, None]
    if with_last_frame:
        step = values[-1:, layout.block("joint_velocity")].reshape(1, 22, 3)
        positions = np.concatenate((positions, positions[-1:] + turn(step, -angles[-1:, None])))
    return positions.astype(np.float32)
