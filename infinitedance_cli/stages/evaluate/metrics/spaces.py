"""The spaces in which sets of dances are compared: kinetic, geometric and joint features of one dance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.evaluate.metrics.geometric import framed_geometric_features
from infinitedance_cli.stages.evaluate.metrics.kinetic import framed_kinetic_features

FloatArray = NDArray[np.floating]

JointSet = Literal["body", "smpl", "smplx"]
"""The 22 body joints; these and SMPL's two hands; these and the jaw and left eye of SMPL-X."""

SPACES = ("kinetic", "geometric", "joint")
LEAST_FRAMES = 4
"""Dances shorter than this have no features and no jitter."""


@dataclass(frozen=True)
class FeatureRule:
    """How features of a dance are taken.

    `fps` the rate that dances are brought to; `frames` the first frames that count (None: all); `joints` which ones;
    `frame` "pelvis": frame-0 pelvis at the origin, joints 1… relative to the pelvis of their frame; "start": only
    the frame-0 pelvis at the origin; "world": as "pelvis" for kinetic features, untouched for geometric ones.
    `mended` leaves out the published slips.
    """

    fps: float
    frames: int | None
    joints: JointSet
    frame: Literal["pelvis", "start", "world"]
    mended: bool = False


RULES: Mapping[str, FeatureRule] = {
    "release": FeatureRule(30.0, 1024, "body", "pelvis"),
    "aist": FeatureRule(60.0, 1200, "smpl", "start"),
    "edge": FeatureRule(30.0, None, "smpl", "start"),
    "idance": FeatureRule(30.0, None, "body", "world", mended=True),
}
"""Feature rules by name; several protocols share one."""


@dataclass(frozen=True)
class FeatureRow:
    """Features of one dance: `kinetic` (66 or 72,), `geometric` (32,), `joint` (132,) metres."""

    kinetic: FloatArray
    geometric: FloatArray
    joint: FloatArray


def feature_row(positions: FloatArray, rule: FeatureRule) -> FeatureRow:
    """Features of joints `positions` (T ≥ 4, J, 3), metres, y up, already at `rule.fps` and of `rule.joints`."""
    joints = positions[: rule.frames].astype(np.float64)
    started = joints - joints[:1, :1]
    if rule.frame != "start":
        started[:, 1:] -= started[:, :1]
    fps = rule.fps if rule.mended else None
    return FeatureRow(
        kinetic=framed_kinetic_features(started, fps),
        geometric=framed_geometric_features(joints if rule.frame == "world" else started, fps),
        joint=joint_features(joints),
    )


def joint_features(positions: FloatArray) -> FloatArray:
    """Mean pose and its spread over time, (132,) metres: 22 joints relative to the pelvis, heading taken out.

    The heading is that of the line across hips and shoulders; each frame is turned to face +Z.
    """
    body = positions[:, :BODY_JOINT_COUNT]
    local = body - body[:, :1]
    across = body[:, 1] - body[:, 2] + body[:, 16] - body[:, 17]
    size = np.maximum(np.hypot(across[:, 0], across[:, 2]), 1e-9)
    cosine, sine = (across[:, 0] / size)[:, None], (across[:, 2] / size)[:, None]
    turned = np.stack(
        (
            cosine * local[..., 0] + sine * local[..., 2],
            local[..., 1],
            cosine * local[..., 2] - sine * local[..., 0],
        ),
        axis=-1,
    ).reshape(len(body), -1)
    return np.concatenate((turned.mean(axis=0), turned.std(axis=0)))


def set_distances(first: FloatArray, second: FloatArray | None = None) -> float:
    """Mean Euclidean distance over all pairs between two sets (N, D) and (M, D), or within one (N ≥ 2, D)."""
    from scipy.spatial.distance import cdist, pdist

    return float(pdist(first).mean() if second is None else cdist(first, second).mean())
