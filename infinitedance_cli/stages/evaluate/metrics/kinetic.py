"""Kinetic features: how much energy every joint spends (FID_k, Div_k)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput

PUBLISHED_FRAMES = 1024
"""Published figures use the first 1,024 frames of a dance."""
_PUBLISHED_FRAME_TIME = 1 / 60
_HALF_WINDOW = 2

FloatArray = NDArray[np.floating]


def published_frame(positions: FloatArray) -> FloatArray:
    """Joints (T, 22, 3) as published feature extractors see them.

    The first 1,024 frames, frame-0 pelvis at the origin; joints 1..21 relative to the pelvis of their frame, while
    joint 0 keeps its path.
    """
    joints: FloatArray = positions[:PUBLISHED_FRAMES].astype(np.float64)
    joints -= joints[0, 0].copy()
    joints[:, 1:] -= joints[:, :1]
    return joints


def kinetic_features(positions: FloatArray, *, mended: bool = False, fps: float = 30.0) -> FloatArray:
    """Kinetic features (66,): per joint horizontal, vertical energy and energy expenditure.

    `positions` (T ≥ 3, 22, 3) metres in the world; put into `published_frame` first. By default with the published
    quirks, shared by AIST++, Bailando, LODGE and the release: a frame time of 1/60 s whatever the fps, and a slipped
    parenthesis that makes the expenditure about 3,600 × |position|. `mended` uses `fps` and a true acceleration.
    """
    return framed_kinetic_features(published_frame(positions), fps if mended else None)


def framed_kinetic_features(joints: FloatArray, fps: float | None = None) -> FloatArray:
    """Kinetic features (3J,) of `joints` (T ≥ 3, J, 3) in whatever frame a protocol wants.

    `fps` None keeps the published quirks, a number mends them.
    """
    if joints.ndim != 3 or len(joints) < 3:
        raise BadInput(f"kinetic features: joints have shape {joints.shape}; expected (T, J, 3) with T ≥ 3")
    mended = fps is not None
    frame_time = 1 / fps if fps is not None else _PUBLISHED_FRAME_TIME
    velocity = _windowed_velocity(joints, frame_time)
    horizontal = np.sum(velocity[..., [0, 2]] ** 2, axis=-1).mean(axis=0)
    vertical = (velocity[..., 1] ** 2).mean(axis=0)
    expenditure = np.linalg.norm(_windowed_acceleration(joints, frame_time, mended), axis=-1).mean(axis=0)
    return np.stack((horizontal, vertical, expenditure), axis=-1).reshape(-1)


def _windowed_velocity(joints: FloatArray, frame_time: float) -> FloatArray:
    """Mean velocity (T-1, J, 3) of the steps within two frames of each step; the sum of steps telescopes."""
    last = len(joints) - 1
    index = np.arange(1, len(joints))
    first, final = np.maximum(index - _HALF_WINDOW, 1), np.minimum(index + _HALF_WINDOW, last)
    span = ((final - first + 1) * frame_time)[:, None, None]
    velocity: FloatArray = (joints[final] - joints[first - 1]) / span
    return velocity


def _windowed_acceleration(joints: FloatArray, frame_time: float, mended: bool) -> FloatArray:
    """Mean acceleration (T-1, J, 3) within two frames of each frame; unless `mended`, with the published slip."""
    before, now, after = joints[:-2], joints[1:-1], joints[2:]
    earlier = (now - before) / frame_time if mended else now - before / frame_time
    acceleration = ((after - now) / frame_time - earlier) / frame_time
    total = np.concatenate((np.zeros_like(acceleration[:1]), np.cumsum(acceleration, axis=0)))
    index = np.arange(1, len(joints))
    first = np.maximum(index - _HALF_WINDOW, 1)
    final = np.minimum(index + _HALF_WINDOW, len(joints) - 2)
    mean: FloatArray = (total[final] - total[first - 1]) / (final - first + 1)[:, None, None]
    return mean
