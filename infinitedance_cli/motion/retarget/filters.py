"""Spikes out, a speed limit, and a light smoothing that leaves hits sharp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation

Array = NDArray[np.floating]


_SPIKE_RATIO = 3.0
"""A spike stands out from the frames around it by at least this many times their own steps; a hit does not."""


def despike_rotations(local: Array, threshold: float = np.radians(15)) -> Array:
    """Local rotations (T, J, 4) without spikes of one or two frames.

    A spike lies more than `threshold` off the slerp from the frame before it to the frame after it, and three times
    farther than the steps before and after: accents are fast too, but they come and go over several frames.
    """
    result = local.copy()
    for width in (1, 2):
        count = len(local) - width - 3
        if count < 1:
            break
        before, after = result[1 : 1 + count], result[2 + width : 2 + width + count]
        calm = np.maximum(
            angle_between(result[:count], before), angle_between(after, result[3 + width : 3 + width + count])
        )
        between = [_part(before, after, (place + 1) / (width + 1)) for place in range(width)]
        off = np.min(
            [angle_between(between[place], result[2 + place : 2 + place + count]) for place in range(width)], axis=0
        )
        frames, joints = np.nonzero((off > threshold) & (off > _SPIKE_RATIO * calm))
        for place in range(width):
            result[frames + 2 + place, joints] = between[place][frames, joints]
    return result


def _part(start: Array, end: Array, part: float) -> Array:
    return rotation.slerp(start, end, np.full(start.shape[:-1], part))


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
    """Positions (T, 3) without spikes of one or two frames more than `greatest` metres off; see `despike_rotations`."""
    result = positions.copy()
    for width in (1, 2):
        count = len(positions) - width - 3
        if count < 1:
            break
        before, after = result[1 : 1 + count], result[2 + width : 2 + width + count]
        calm = np.maximum(_gap(result[:count], before), _gap(after, result[3 + width : 3 + width + count]))
        between = [before + (after - before) * ((place + 1) / (width + 1)) for place in range(width)]
        off = np.min([_gap(between[place], result[2 + place : 2 + place + count]) for place in range(width)], axis=0)
        frames = np.flatnonzero((off > greatest) & (off > _SPIKE_RATIO * calm))
        for place in range(width):
            result[frames + 2 + place] = between[place][frames]
    return result


def _gap(one: Array, other: Array) -> Array:
    distance: Array = np.linalg.norm(one - other, axis=-1)
    return distance
