"""Where the floor is, and which frames have a whole sole on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.retarget.filters import gaussian
from infinitedance_cli.motion.retarget.geometry import Points, bone

Array = NDArray[np.floating]
STILL_SPEED = 0.25
"""Metres a second below which a foot counts as standing."""
NEAR_FLOOR = 0.025
"""Metres above the lowest standing height within which an ankle counts as flat on the floor."""
_CLEARANCE = {"knee": 0.06, "wrist": 0.04, "elbow": 0.05, "shoulder": 0.12, "hip": 0.12}
_DRIFT_M = 0.08


def speed(points: Array, fps: float) -> Array:
    """Speed (T,) in m/s of a point (T, 3), central differences; a single frame stands still."""
    if len(points) < 2:
        return np.zeros(len(points))
    return np.linalg.norm(np.gradient(points, axis=0), axis=-1) * fps


def planted_flat(points: Points, fps: float) -> dict[str, NDArray[np.bool_]]:
    """Frames (T,) per side in which the whole sole is on the floor.

    The ankle stands still at its lowest, and the foot is neither pointed nor pulled up: between 50 and 130 degrees from
    the shank, its toe joint below the ankle.
    """
    floor = standing_height(points, fps)
    found = {}
    for side in ("left", "right"):
        ankle = points[f"{side}_ankle"]
        flat = (speed(ankle, fps) < STILL_SPEED) & (ankle[:, 1] < floor + NEAR_FLOOR)
        foot, shank = bone(points, f"{side}_ankle", f"{side}_foot"), bone(points, f"{side}_knee", f"{side}_ankle")
        if foot is not None and shank is not None:
            flat &= (np.abs(np.sum(foot * shank, axis=-1)) < np.cos(np.radians(50))) & (foot[:, 1] < 0.0)
        found[side] = flat
    return found


def standing_height(points: Points, fps: float, joint: str = "ankle") -> float:
    """Height of the ankle (or another foot joint) of a foot that stands: a low percentile over still frames.

    One rule for all sources: among the frames in which an ankle moves slower than 0.25 m/s, the 20th percentile of its
    height over those within 6 cm of the second percentile. Jumps, tiptoes and single bad frames do not move it.
    """
    heights = []
    for side in ("left", "right"):
        foot = points[f"{side}_{joint}"]
        still = speed(foot, fps) < STILL_SPEED
        heights.append(foot[still if still.sum() >= 3 else slice(None), 1])
    values = np.concatenate(heights)
    low = np.percentile(values, 2)
    return float(np.percentile(values[values <= low + 0.06], 20))


def floor_drift(points: Points, fps: float, ankle_height: float, sole: float) -> Array:
    """Height (T,) in metres by which the whole body floats over the floor (or sinks) for longer than a jump lasts.

    `ankle_height` is the standing height found for the clip, `sole` metres how far the floor is below it. The lowest
    joint, less what lies between it and the skin, is taken over a second; nobody stays in the air for that long, so
    what is left is the recording's drift. Clips that never drift by more than 8 cm are left alone.
    """
    lowest = np.min(
        [
            points[f"{side}_{joint}"][:, 1] - clearance - (ankle_height - sole)
            for joint, clearance in ({"ankle": sole} | _CLEARANCE).items()
            for side in ("left", "right")
        ],
        axis=0,
    )
    half = int(0.5 * fps)
    padded = np.pad(lowest, half, mode="edge")
    base = np.min([padded[shift : shift + len(lowest)] for shift in range(2 * half + 1)], axis=0)
    if np.abs(base).max() < _DRIFT_M:
        return np.zeros(len(lowest))
    return gaussian(np.where(np.abs(base) > 0.02, base, 0.0), 0.3 * fps)
