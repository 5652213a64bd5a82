"""Bring a dance that hovers or sinks for longer than a jump back to the floor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS, foot_rest_heights
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT

FloatArray = NDArray[np.floating]

_FLESH = 0.04
"""Least height of a joint other than the feet over the floor that its body part touches, metres."""


@dataclass(frozen=True)
class GroundConfig:
    """`longest_flight_s`: who is in the air for longer did not jump; `smoothing_s` of the correction (Gaussian)."""

    longest_flight_s: float = 0.7
    smoothing_s: float = 0.15


def lowest_point(clip: MotionClip) -> FloatArray:
    """Height (T,) in metres of the lowest part of the body over the floor y = 0: feet by their standing height."""
    positions = clip.joint_positions()[:, :BODY_JOINT_COUNT, 1].astype(np.float64)
    thickness = np.full(BODY_JOINT_COUNT, _FLESH)
    thickness[list(FOOT_JOINTS)] = foot_rest_heights(clip.skeleton.rest_positions())
    heights: FloatArray = (positions - thickness).min(axis=1)
    return heights


def ground(clip: MotionClip, config: GroundConfig | None = None) -> MotionClip:
    """The clip lowered where its lowest point stays above the floor for longer than a jump, and raised where it sinks.

    The height that is taken out is the morphological opening of the lowest point over `longest_flight_s` (a rise that
    is over sooner is a jump and stays), smoothed in time.
    """
    from scipy.ndimage import gaussian_filter1d, grey_opening

    config = GroundConfig() if config is None else config
    size = max(1, round(config.longest_flight_s * clip.fps)) | 1
    lowest = lowest_point(clip)
    sustained = grey_opening(np.pad(lowest, size, mode="edge"), size=size)
    smooth = gaussian_filter1d(sustained, config.smoothing_s * clip.fps)[size:-size]
    root = clip.root_position.copy()
    root[:, 1] -= smooth.astype(np.float32)
    return replace(clip, root_position=root)
