"""Spikes out, a speed limit, and a light smoothing that leaves hits sharp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation

Array = NDArray[np.floating]


def despike_rotations(local: Array, threshold: float = np.radians(20)) -> Array:
    """Local rotations (T, J, 4) without isolated outliers.

    A frame is a spike where a joint lies more than `threshold`, and more than five times the joint's usual amount,
    off the slerp of the frames two before and two after, and both steps to it are fast and go back again.
    """
    if len(local) < 5:
        return local
    result = local.copy()
    middle = rotation.slerp(local[:-4], local[4:], np.full(local[:-4].shape[:-1], 0.5))
    off = angle_between(middle, local[2:-2])
    usual = np.median(off, axis=0)
    before = rotation.to_axis_angle(rotation.multiply(rotation.inverse(local[1:-3]), local[2:-2]))
    after = rotation.to_axis_angle(rotation.multiply(rotation.inverse(local[2:-2]), local[3:-1]))
    returns = np.sum(before * after, axis=-1) < 0
    spikes = (off > threshold) & (off > 5 * usual) & returns
    frames, joints = np.nonzero(spikes)
    result[frames + 2, joints] = rotation.slerp(
        local[frames + 1, joints], local[frames + 3, joints], np.full(len(frames), 0.5)
    )
    return result


def angle_between(one: Array, other: Array) -> Array:
    """Angle (...,) in radians between rotations (..., 4)."""
    return 2 * np.arccos(np.clip(np.abs(np.sum(one * other, axis=-1)), 0.0, 1.0))


def limit_speed(local: Array, fps: float, limit: float = 20.0) -> Array:
    """Local rotations (T, J, 4) of which no joint turns faster than `limit` rad/s.

    Where a step is too fast, the frames around it are averaged over a window that grows until the step is within the
    limit, so that the turn is spread over its neighbours instead of being cut off.
    """
    result = rotation.continuous(local)
    greatest = limit / fps * 0.98
    for joint in range(local.shape[1]):
        result[:, joint] = _limit_joint(result[:, joint], greatest)
    return result


def _limit_joint(turns: Array, greatest: float) -> Array:
    for width in (1, 2, 3, 4, 6, 8, 12, 16):
        fast = np.flatnonzero(angle_between(turns[1:], turns[:-1]) > greatest)
        if len(fast) == 0:
            return turns
        smooth = smooth_rotations(turns, float(width))
        near = np.zeros(len(turns))
        for frame in fast:
            near[max(frame - 2 * width, 0) : frame + 2 * width + 2] = 1.0
        turns = rotation.continuous(rotation.slerp(turns, smooth, gaussian(near, width / 2)))
    return _clamp(turns, greatest)


def _clamp(turns: Array, greatest: float) -> Array:
    """The last resort: each frame follows the one before at no more than the greatest step."""
    result = turns.copy()
    for frame in range(1, len(turns)):
        angle = float(angle_between(result[frame], result[frame - 1]))
        if angle > greatest:
            part = np.array(greatest / angle)
            result[frame] = rotation.slerp(result[frame - 1], turns[frame], part)
    return result


def gaussian(values: Array, sigma: float) -> Array:
    """Values (T, ...) averaged over time with a Gaussian of `sigma` frames; the ends are mirrored."""
    if sigma <= 0 or len(values) < 2:
        return values
    reach = min(int(np.ceil(3 * sigma)), len(values) - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return _convolved(values, kernel / kernel.sum())


def low_pass(values: Array, cutoff_hz: float, fps: float) -> Array:
    """Values (T, ...) without what is faster than `cutoff_hz`: a windowed sinc of a third of a second, no delay.

    The pass band is flat, so accents keep their height where a Gaussian of the same smoothness would round them off.
    0, or a cut-off beyond half the frame rate, changes nothing.
    """
    if cutoff_hz <= 0 or cutoff_hz >= fps / 2:
        return values
    half = max(int(round(fps / 6)), 1)
    places = np.arange(-half, half + 1)
    kernel = np.sinc(2 * cutoff_hz / fps * places) * np.hamming(2 * half + 1)
    return _convolved(values, kernel / kernel.sum())


def low_pass_rotations(quaternions: Array, cutoff_hz: float, fps: float) -> Array:
    """Rotations (T, ..., 4) without what is faster than `cutoff_hz`."""
    return rotation.normalize(low_pass(rotation.continuous(quaternions), cutoff_hz, fps))


def _convolved(values: Array, kernel: Array) -> Array:
    """Values (T, ...) under a symmetric kernel of odd length; the ends go on as their own point reflection."""
    reach = len(kernel) // 2
    if len(values) <= reach:
        return values
    before, after = 2 * values[:1] - values[reach:0:-1], 2 * values[-1:] - values[-2 : -reach - 2 : -1]
    padded = np.concatenate((before, values, after))
    return np.asarray(sum(weight * padded[i : i + len(values)] for i, weight in enumerate(kernel)))


def smooth_rotations(quaternions: Array, sigma: float) -> Array:
    """Rotations (T, ..., 4) averaged over time with a Gaussian of `sigma` frames."""
    return rotation.normalize(gaussian(rotation.continuous(quaternions), sigma))


def despike_positions(positions: Array, greatest: float = 0.04) -> Array:
    """Positions (T, 3) without isolated frames that lie more than `greatest` metres off their neighbours' middle."""
    if len(positions) < 5:
        return positions
    result = positions.copy()
    middle = 0.5 * (positions[:-2] + positions[2:])
    off = np.linalg.norm(positions[1:-1] - middle, axis=-1)
    returns = np.sum((positions[1:-1] - positions[:-2]) * (positions[2:] - positions[1:-1]), axis=-1) < 0
    bad = np.flatnonzero((off > greatest) & (off > 6 * np.median(off)) & returns) + 1
    result[bad] = 0.5 * (positions[bad - 1] + positions[bad + 1])
    return result
