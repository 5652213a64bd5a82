"""Motion quality in units that an animator knows: cm/s, mm, seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.contact import FOOT_JOINTS
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.evaluate.metrics.smoothness import FROZEN_SPEED

FLOAT_HEIGHT_M = 0.05
"""Lower than this is standing: heels rise, floors are estimated."""
LONGEST_JUMP_S = 0.7
_FLESH_M = 0.04
_LEFT, _RIGHT = (7, 10), (8, 11)
_ANKLES, _TOES = (7, 8), (10, 11)
_FLOOR_PERCENTILE = 5.0

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Stance:
    """Where the foot joints of a standing dancer are: heights of `toe` and `ankle` in metres."""

    toe: float
    ankle: float


def estimated_stance(positions: FloatArray) -> Stance:
    """The stance of motion whose floor is unknown: 5th percentiles over frames of the lower toe's and ankle's height.

    One frame of a jump or a dip below does not move them. On clips whose floor is known the toe is within 1 cm for 95
    of 100.
    """
    lowest = (positions[:, pair, 1].min(axis=1) for pair in (_TOES, _ANKLES))
    toe, ankle = (float(np.percentile(heights, _FLOOR_PERCENTILE)) for heights in lowest)
    return Stance(toe, ankle)


def planted_feet(positions: FloatArray, stance: Stance) -> NDArray[np.bool_]:
    """Contact (T, 2) of the left and right foot, by height alone.

    The toe joint is at most 5 cm above where it stands (the paper's), and the ankle at most 8 cm above where the *toe*
    stands (the paper's) or 3 cm above where it stands itself: bodies differ in how high they carry their ankles.
    """
    limit = max(stance.toe + 0.08, stance.ankle + 0.03)
    return np.asarray((positions[:, _ANKLES, 1] <= limit) & (positions[:, _TOES, 1] <= stance.toe + 0.05))


def foot_slide(positions: FloatArray, planted: NDArray[np.bool_], fps: float = 30.0) -> float:
    """Mean horizontal speed in cm/s of feet while `planted` (T, 2); NaN for a dancer who never stands.

    The speed of a foot is that of the slower of ankle and toe, so that turning on heel or ball is no slide.
    `positions` (T ≥ 2, 22, 3) metres.
    """
    both = planted[1:] & planted[:-1]
    step = np.diff(positions[:, [_LEFT, _RIGHT]][..., [0, 2]].astype(np.float64), axis=0)
    speed = np.linalg.norm(step, axis=-1).min(axis=2) * fps * 100
    return float(speed[both].mean()) if both.any() else float("nan")


def floating_seconds(positions: FloatArray, toe_floor: float, rest_toe: float, fps: float = 30.0) -> float:
    """Seconds spent above the floor for longer than a jump: nothing within 5 cm of it for more than 0.7 s.

    Joints count by the flesh below them: ankles and toes as high as they stand, all others 4 cm. `rest_toe` is the
    height of a standing foot's toe joint, `toe_floor` where that joint stands in this motion.
    """
    heights = positions[:, :BODY_JOINT_COUNT, 1] - (toe_floor - rest_toe)
    thickness = np.full(BODY_JOINT_COUNT, _FLESH_M)
    thickness[list(FOOT_JOINTS)] = (0.08, rest_toe, 0.08, rest_toe)
    lowest = (heights - thickness).min(axis=1)
    return _long_runs(lowest > FLOAT_HEIGHT_M, LONGEST_JUMP_S * fps) / fps


def frozen_seconds(positions: FloatArray, fps: float = 30.0, speed: float = FROZEN_SPEED) -> float:
    """Seconds that lie in 1-s windows whose mean joint speed is below `speed` m/s; `positions` (T ≥ 2, J, 3)."""
    step = np.linalg.norm(np.diff(positions.astype(np.float64), axis=0), axis=-1).mean(axis=-1) * fps
    window = min(round(fps), len(step))
    total = np.concatenate(([0.0], np.cumsum(step)))
    slow = (total[window:] - total[:-window]) / window < speed
    # A step is frozen when any window that holds it is: spread each slow window over its steps.
    edges = np.zeros(len(step) + 1)
    np.add.at(edges, np.flatnonzero(slow), 1)
    np.add.at(edges, np.flatnonzero(slow) + window, -1)
    return float((np.cumsum(edges)[:-1] > 0).sum() / fps)


def _long_runs(flags: NDArray[np.bool_], least: float) -> float:
    """Frames (as a number) in runs of True longer than `least` frames."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8))).reshape(-1, 2)
    lengths = edges[:, 1] - edges[:, 0]
    return float(lengths[lengths > least].sum())
