"""The reference as states of the simulation: positions, velocities and accelerations at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip

FloatArray = NDArray[np.floating]

_CONTEXT_FRAMES = 12
_ACCELERATION_SMOOTHING_S = 0.013
_VELOCITY_SMOOTHING_S = 0.007


@dataclass(frozen=True, eq=False)
class ReferenceStates:
    """K states, `dt` seconds apart, of a free root and ball joints.

    `position` (K, 3 + 4J): root position, then quaternions local to the parent; `velocity` and `acceleration`
    (K, 3 + 3J): of the root in the world, then of each joint about its own axes.
    """

    position: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    dt: float


def reference_states(clip: MotionClip, order: Sequence[int], substeps: int, first: int, last: int) -> ReferenceStates:
    """States of a clip from frame `first` to frame `last`, both included, `substeps` of them a frame.

    `order` lists the clip's joints in the order of the simulation. Only the frames around the window are touched.
    """
    from scipy.interpolate import CubicSpline
    from scipy.ndimage import gaussian_filter1d

    low, high = max(first - _CONTEXT_FRAMES, 0), min(last + _CONTEXT_FRAMES, clip.frames - 1)
    frames = np.arange(low, high + 1)
    dt = 1.0 / (clip.fps * substeps)
    times = low + np.arange((high - low) * substeps + 1) / substeps
    root = CubicSpline(frames, clip.root_position[low : high + 1].astype(np.float64))(times)
    knots = rotation.continuous(clip.joint_rotation[low : high + 1][:, list(order)].astype(np.float64))
    turns = rotation.normalize(CubicSpline(frames, knots)(times))
    spins = rotation.to_axis_angle(rotation.multiply(rotation.inverse(turns[:-1]), turns[1:])) / dt
    step = np.concatenate((np.diff(root, axis=0) / dt, spins.reshape(len(spins), -1)), axis=1)
    velocity = np.concatenate((step[:1], 0.5 * (step[1:] + step[:-1]), step[-1:]))
    still = np.zeros_like(step[:1])
    acceleration = np.concatenate((still, np.diff(step, axis=0) / dt, still))
    window = slice((first - low) * substeps, (last - low) * substeps + 1)
    return ReferenceStates(
        np.concatenate((root, turns.reshape(len(turns), -1)), axis=1)[window],
        gaussian_filter1d(velocity, _VELOCITY_SMOOTHING_S / dt, axis=0)[window],
        gaussian_filter1d(acceleration, _ACCELERATION_SMOOTHING_S / dt, axis=0)[window],
        dt,
    )
