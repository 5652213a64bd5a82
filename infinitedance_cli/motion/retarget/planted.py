"""Which frames have a foot on the floor, and where that floor is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.retarget.geometry import Points

Array = NDArray[np.float64]
STILL_SPEED = 0.25
"""Metres a second below which a foot counts as standing."""
NEAR_FLOOR = 0.025
"""Metres above the lowest standing height within which an ankle counts as flat on the floor."""


def speed(points: Array, fps: float) -> Array:
    """Speed (T,) in m/s of a point (T, 3), central differences; a single frame stands still."""
    if len(points) < 2:
        return np.zeros(len(points))
    return np.linalg.norm(np.gradient(points, axis=0), axis=-1) * fps


def planted_flat(points: Points, fps: float) -> dict[str, NDArray[np.bool_]]:
    """Frames (T,) per side in which the ankle stands still at its lowest: the whole sole is on the floor."""
    floor = standing_height(points, fps)
    return {
        side: (speed(points[f"{side}_ankle"], fps) < STILL_SPEED) & (points[f"{side}_ankle"][:, 1] < floor + NEAR_FLOOR)
        for side in ("left", "right")
    }


def standing_height(points: Points, fps: float) -> float:
    """Height of the ankle of a foot that stands flat: a low percentile of both ankles over their still frames.

    One rule for all sources: among the frames in which an ankle moves slower than 0.25 m/s, the 20th percentile of its
    height over those within 6 cm of the second percentile. Jumps, tiptoes and single bad frames do not move it.
    """
    heights = []
    for side in ("left", "right"):
        ankle = points[f"{side}_ankle"]
        still = speed(ankle, fps) < STILL_SPEED
        heights.append(ankle[still if still.sum() >= 3 else slice(None), 1])
    values = np.concatenate(heights)
    low = np.percentile(values, 2)
    return float(np.percentile(values[values <= low + 0.06], 20))
