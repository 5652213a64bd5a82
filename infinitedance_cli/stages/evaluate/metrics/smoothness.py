"""Does it shiver, does it stand still, does it show where windows were joined?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput

FROZEN_SPEED = 0.05
"""A 1-s window is frozen when its mean joint speed is below this, m/s."""
JOIN_FRAMES = 3

FloatArray = NDArray[np.floating]


def jerk(positions: FloatArray, fps: float = 30.0) -> FloatArray:
    """Jerk (T-3, J) in m/s³: length of the third difference of `positions` (T ≥ 4, J, 3)."""
    if positions.ndim != 3 or len(positions) < 4:
        raise BadInput(f"jerk: joints have shape {positions.shape}; expected (T, J, 3) with T ≥ 4")
    third: FloatArray = np.linalg.norm(np.diff(positions.astype(np.float64), n=3, axis=0), axis=-1) * fps**3
    return third


def jitter(positions: FloatArray, fps: float = 30.0) -> float:
    """Jitter as in GVHMR, 10 m/s³: mean jerk over frames and joints in the world, over 10."""
    return float(jerk(positions, fps).mean() / 10)


def mean_joint_speed(positions: FloatArray, fps: float = 30.0) -> float:
    """Mean over frames and joints of the speed in the world, m/s; `positions` (T ≥ 2, J, 3)."""
    return float(np.linalg.norm(np.diff(positions.astype(np.float64), axis=0), axis=-1).mean() * fps)


def frozen_share(positions: FloatArray, fps: float = 30.0, speed: float = FROZEN_SPEED) -> float:
    """Share of all 1-s windows, one starting at every frame, whose mean joint speed is below `speed` m/s.

    Clips shorter than a second count as one window.
    """
    step = np.linalg.norm(np.diff(positions.astype(np.float64), axis=0), axis=-1).mean(axis=-1) * fps
    window = min(round(fps), len(step))
    total = np.concatenate(([0.0], np.cumsum(step)))
    return float(((total[window:] - total[:-window]) / window < speed).mean())


def join_jerk_ratio(positions: FloatArray, joins: Sequence[int], fps: float = 30.0) -> float:
    """95th percentile of the mean joint jerk within 3 frames of the `joins`, over that of all other frames.

    `joins` are the first frames after each join. 1 means that joins cannot be told from the rest. Raises BadInput
    when no join lies within the clip.
    """
    values = jerk(positions, fps).mean(axis=-1)
    # The third difference at index t spans frames t..t+3; a join lies half a frame before its first frame.
    centres = np.arange(len(values)) + 1.5
    near = np.zeros(len(values), dtype=bool)
    for join in joins:
        near |= np.abs(centres - (join - 0.5)) <= JOIN_FRAMES
    if not near.any() or near.all():
        raise BadInput(f"join jerk: none or all of the {len(values)} frames lie near the {len(joins)} joins")
    rest = float(np.percentile(values[~near], 95))
    return float(np.percentile(values[near], 95)) / max(rest, 1e-12)
