"""The heading frame: which way the dancer faces, and vectors turned into and out of that frame.

A frame angle `α` (T,) in radians is the turn about +y that takes world directions into the heading frame, where the
dancer faces +Z; it is minus the dancer's heading (`rotation.heading`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RELEASE_SMOOTHING_FRAMES = 20.0
PAPER_SMOOTHING_FRAMES = 10.0
"""Gaussian sigma of the heading, frames. Ten frames leave a hip twist on the beat (period ≤ 1 s) to the pose."""

L_HIP, R_HIP, L_SHOULDER, R_SHOULDER = 1, 2, 16, 17

FloatArray = NDArray[np.floating]


def turn(vectors: FloatArray, angle: FloatArray | float) -> FloatArray:
    """Vectors (..., 3) turned about +y by `angle` (...) radians; leading shapes broadcast."""
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    return np.stack(np.broadcast_arrays(x * cosine + z * sine, y, z * cosine - x * sine), axis=-1)


def wrap(angle: FloatArray) -> FloatArray:
    """Angles in radians brought to [-π, π)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def across_to_angle(across: FloatArray) -> FloatArray:
    """Frame angles (...) of a body whose right-pointing vector is `across` (..., 3): forward is up × across."""
    return -np.arctan2(across[..., 2], -across[..., 0])


def facing_angle(positions: FloatArray) -> float:
    """Frame angle of the first frame of `positions` (T, J, 3) by hips and shoulders (release, extraction step 4)."""
    first = positions[0]
    across = (first[R_HIP] - first[L_HIP]) + (first[R_SHOULDER] - first[L_SHOULDER])
    return float(across_to_angle(across))


def release_angles(positions: FloatArray) -> FloatArray:
    """Frame angles (T,) of the release: smoothed forward direction, frame 0 forced to zero.

    Keeps HumanML3D's swapped hip labels (shoulders minus hips): the columns of released files depend on it.
    """
    from scipy.ndimage import gaussian_filter1d

    across = (positions[:, L_HIP] - positions[:, R_HIP]) + (positions[:, R_SHOULDER] - positions[:, L_SHOULDER])
    across = across / np.linalg.norm(across, axis=-1, keepdims=True)
    # The filter is linear, so smoothing `across` equals smoothing up × across.
    smooth = gaussian_filter1d(across, RELEASE_SMOOTHING_FRAMES, axis=0, mode="nearest")
    angles = across_to_angle(smooth)
    angles[0] = 0.0
    return angles


def pelvis_angles(pelvis_rotation: FloatArray, sigma: float = PAPER_SMOOTHING_FRAMES) -> FloatArray:
    """Frame angles (T,), unwrapped, from world rotations of the pelvis (T, 4).

    The yaw is the twist of the rotation about +y. Unlike the direction of +Z it stays defined when the dancer bends
    over, lies or rolls; only an upside-down pelvis has none, and such frames weigh nothing in the Gaussian smoothing
    (weight cos² of half the tilt). The angle, not the direction, is smoothed, so fast spins do not cancel out.
    """
    from scipy.ndimage import gaussian_filter1d

    quaternions = pelvis_rotation.astype(np.float64)
    yaw = np.unwrap(2.0 * np.arctan2(quaternions[:, 2], quaternions[:, 0]))
    weight = quaternions[:, 0] ** 2 + quaternions[:, 2] ** 2 + 1e-6
    # Zero padding of both parts makes a normalised convolution: frames outside the clip count for nothing. The line
    # through the ends is taken out first, so that a steady spin is not bent there.
    line = np.linspace(yaw[0], yaw[-1], len(yaw))
    total = gaussian_filter1d((yaw - line) * weight, sigma, mode="constant")
    smooth: FloatArray = total / gaussian_filter1d(weight, sigma, mode="constant") + line
    return -smooth
