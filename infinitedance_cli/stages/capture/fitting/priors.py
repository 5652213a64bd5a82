"""What bodies do: how far each joint is likely to turn, and how far it can."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.capture.fitting.pose_model import GROUPS

FloatArray = NDArray[np.floating]

_FREE = 1e4
_LIMIT_SPREAD = 4.0
# Degrees about x, y, z of the joint's rest frame, left side: usual turn, spread, least, greatest.
_TABLE: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    "pelvis": ((0, 0, 0), (_FREE, _FREE, _FREE), (-_FREE,) * 3, (_FREE,) * 3),
    "hip": ((-10, 0, 0), (50, 25, 25), (-145, -60, -35), (40, 60, 75)),
    "knee": ((15, 0, 0), (60, 8, 4), (0, -20, -8), (158, 20, 8)),
    "ankle": ((0, 0, 0), (25, 12, 12), (-40, -30, -30), (60, 30, 30)),
    "spine1": ((2, 0, 0), (10, 8, 8), (-15, -16, -14), (32, 16, 14)),
    "neck": ((5, 0, 0), (14, 16, 10), (-30, -42, -24), (30, 42, 24)),
    "collar": ((0, 0, 0), (5, 8, 8), (-20, -25, -15), (20, 25, 35)),
    "shoulder": ((0, -15, -55), (50, 45, 50), (-120, -150, -130), (120, 80, 110)),
    "elbow": ((0, -30, 0), (40, 60, 6), (-100, -158, -12), (100, 2, 12)),
    "wrist": ((0, 0, 0), (12, 22, 30), (-40, -50, -85), (40, 50, 85)),
}


@lru_cache
def pose_priors() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """For each of `GROUPS`: usual rotation (G, 4), spread, least and greatest axis-angle (G, 3) in radians."""
    rows = []
    for joints in GROUPS:
        name = SMPLX_JOINT_NAMES[joints[0]]
        values = np.radians(np.array(_TABLE[name.rpartition("_")[2]]))
        if name.startswith("right_"):
            mirrored = values * (1, -1, -1)
            # Mirroring changes which end of the range is the least.
            values = np.stack((mirrored[0], values[1], *np.sort(mirrored[2:], axis=0)))
        rows.append(values)
    usual, spread, least, greatest = np.stack(rows, axis=1)
    return rotation.from_axis_angle(usual), spread, least, greatest


def prior_pull(local: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gradient and curvature (T, G·3) of the cost of rotations (T, 22, 4): unlikely turns and those past a limit."""
    usual, spread, least, greatest = pose_priors()
    turns = local[:, [joints[0] for joints in GROUPS]]
    away = rotation.to_axis_angle(rotation.multiply(rotation.inverse(usual), turns))
    angle = rotation.to_axis_angle(turns)
    limit = np.radians(_LIMIT_SPREAD) ** -2
    past = np.maximum(angle - greatest, 0.0) + np.minimum(angle - least, 0.0)
    gradient = away / spread**2 + past * limit
    curvature = spread**-2.0 + (past != 0) * limit
    return gradient.reshape(len(local), -1), curvature.reshape(len(local), -1)
