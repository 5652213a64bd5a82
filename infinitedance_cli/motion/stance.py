"""Let the standing foot carry the body: the path of a generated dance, mended before its feet are locked.

A generator predicts the body's path and its pose separately, and small errors of either make both feet glide. Whoever
stands pushes off the floor: the slower of the low feet is taken for the standing one, and the body is moved so that it
rests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS, foot_rest_heights

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class StanceConfig:
    """`height` metres above its rest height up to which a foot joint may stand; `speed` m/s, above which it hardly
    counts as standing beside a slower one; `fastest` m/s: drift beyond it is taken for a slide that is meant;
    `smoothing` frames (Gaussian) of the change of the path."""

    height: float = 0.04
    speed: float = 0.3
    fastest: float = 1.5
    smoothing: float = 1.5


def carry_by_stance(clip: MotionClip, config: StanceConfig | None = None) -> MotionClip:
    """The clip with its root moved horizontally so that standing feet rest; heights and rotations stay.

    With one foot at rest nothing changes: it has all the weight and no speed.
    """
    from scipy.ndimage import gaussian_filter1d

    config = StanceConfig() if config is None else config
    if clip.frames < 3:
        return clip
    feet = clip.joint_positions()[:, FOOT_JOINTS].astype(np.float64)
    rest = foot_rest_heights(clip.skeleton.rest_positions())
    low = (feet[..., 1] < rest + config.height).astype(np.float64)
    low = np.minimum(low[1:], low[:-1])
    velocity = np.diff(feet[..., [0, 2]], axis=0) * clip.fps
    speed = np.linalg.norm(velocity, axis=-1)
    slowest = np.where(low > 0, speed, np.inf).min(axis=1, keepdims=True)
    weight = low * np.exp(-(speed - np.where(np.isfinite(slowest), slowest, 0)) / config.speed)
    drift = np.sum(weight[..., None] * velocity, axis=1) / np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    drift[(slowest > config.fastest)[:, 0]] = 0.0
    change = gaussian_filter1d(-drift / clip.fps, config.smoothing, axis=0)
    root = clip.root_position.copy()
    root[1:, [0, 2]] += np.cumsum(change, axis=0).astype(np.float32)
    return replace(clip, root_position=root)
