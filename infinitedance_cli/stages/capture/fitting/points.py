"""Where BlazePose's landmarks lie on our skeleton.

The 33 landmarks of the body are followed by eight of the hands' own landmarks (wrist, first knuckles of index, middle
and little finger; left, then right), which are sharper than those that the body's model gives.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, default_skeleton

FloatArray = NDArray[np.floating]

BODY_LANDMARKS = 33
HAND_POINTS = (0, 5, 9, 17)
"""Of the 21 landmarks of a hand, those of its palm: wrist and the knuckles of index, middle and little finger."""
LANDMARKS = BODY_LANDMARKS + 2 * len(HAND_POINTS)

NOSE, LEFT_EAR, RIGHT_EAR = 0, 7, 8
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = 11, 12, 13, 14, 15, 16
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = 23, 24, 25, 26, 27, 28
LEFT_HEEL, RIGHT_HEEL, LEFT_TOES, RIGHT_TOES = 29, 30, 31, 32

BODY_POINTS = (0, 7, 8, *range(11, 17), *range(23, 33))
"""Landmarks of the body's joints: the ones by which a fit is judged."""

SEGMENTS = ("trunk", "hips", "shoulders", "head", "upper_arm", "forearm", "hand", "thigh", "shank", "foot")
"""Parts of the body whose length is found for each person, both sides alike."""

_JOINT_SEGMENTS = {
    "trunk": ("pelvis", "spine1", "spine2", "spine3", "neck"),
    "hips": ("left_hip", "right_hip"),
    "shoulders": ("left_collar", "right_collar", "left_shoulder", "right_shoulder"),
    "head": ("head",),
    "upper_arm": ("left_elbow", "right_elbow"),
    "forearm": ("left_wrist", "right_wrist"),
    "thigh": ("left_knee", "right_knee"),
    "shank": ("left_ankle", "right_ankle"),
    "foot": ("left_foot", "right_foot"),
}
_FACE = tuple(range(11))
_CARRIERS = {
    "head": _FACE,
    "left_shoulder": (11,),
    "right_shoulder": (12,),
    "left_elbow": (13,),
    "right_elbow": (14,),
    "left_wrist": (15, 17, 19, 21, 33, 34, 35, 36),
    "right_wrist": (16, 18, 20, 22, 37, 38, 39, 40),
    "pelvis": (23, 24),
    "left_knee": (25,),
    "right_knee": (26,),
    "left_ankle": (27, 29, 31),
    "right_ankle": (28, 30, 32),
}
_CARRIER_SEGMENTS = {"head": "head", "shoulder": "shoulders", "elbow": "upper_arm", "wrist": "hand", "pelvis": "hips"}
_CARRIER_SEGMENTS |= {"knee": "thigh", "ankle": "foot"}

VECTORS: tuple[tuple[str, dict[int, float]], ...] = (
    *((side + "thigh", {hip: -1.0, knee: 1.0}) for side, hip, knee in (("left ", 23, 25), ("right ", 24, 26))),
    *((side + "shank", {knee: -1.0, ankle: 1.0}) for side, knee, ankle in (("left ", 25, 27), ("right ", 26, 28))),
    *((side + "foot", {heel: -1.0, toes: 1.0}) for side, heel, toes in (("left ", 29, 31), ("right ", 30, 32))),
    *((side + "instep", {ankle: -1.0, toes: 1.0}) for side, ankle, toes in (("left ", 27, 31), ("right ", 28, 32))),
    *((side + "upper arm", {a: -1.0, b: 1.0}) for side, a, b in (("left ", 11, 13), ("right ", 12, 14))),
    *((side + "forearm", {a: -1.0, b: 1.0}) for side, a, b in (("left ", 13, 15), ("right ", 14, 16))),
    *((side + "palm", {a: -1.0, b: 0.5, c: 0.5}) for side, a, b, c in (("left ", 15, 17, 19), ("right ", 16, 18, 20))),
    *((side + "knuckles", {a: -1.0, b: 1.0}) for side, a, b in (("left ", 17, 19), ("right ", 18, 20))),
    *((side + "trunk", {hip: -1.0, arm: 1.0}) for side, hip, arm in (("left ", 23, 11), ("right ", 24, 12))),
    ("hips", {24: -1.0, 23: 1.0}),
    ("shoulders", {12: -1.0, 11: 1.0}),
    ("ears", {8: -1.0, 7: 1.0}),
    ("face", {8: -0.5, 7: -0.5, 0: 1.0}),
    ("eyes to mouth", {2: -0.5, 5: -0.5, 9: 0.5, 10: 0.5}),
    ("neck", {11: -0.5, 12: -0.5, 7: 0.5, 8: 0.5}),
    *((side + "hand", {w: -1.0, m: 1.0}) for side, w, m in (("left ", 33, 35), ("right ", 37, 39))),
    *((side + "hand across", {p: -1.0, i: 1.0}) for side, p, i in (("left ", 36, 34), ("right ", 40, 38))),
)
"""Vectors between world landmarks that the skeleton is to follow: name, and the share of each landmark."""


@dataclass(frozen=True)
class PointModel:
    """Landmarks on the skeleton at rest: `joint` (L,) that carries each, `offset` (L, 3) metres in its frame,
    `segment` (L,) of `SEGMENTS` by which the offset grows; `joint_segment` (22,) the same for the bones;
    `vectors` (B, L) the matrix of `VECTORS`; `bias` (B, 3) by how much the reader sees their directions off, in the
    frames of the joints `bias_joint` (B,)."""

    joint: NDArray[np.intp]
    offset: FloatArray
    segment: NDArray[np.intp]
    joint_segment: NDArray[np.intp]
    vectors: FloatArray
    bias: FloatArray
    bias_joint: NDArray[np.intp]


@lru_cache
def point_model() -> PointModel:
    """The landmarks on the default skeleton; their offsets were measured on pictures of the open body."""
    joint = np.zeros(LANDMARKS, dtype=np.intp)
    segment = np.zeros(LANDMARKS, dtype=np.intp)
    for name, points in _CARRIERS.items():
        joint[list(points)] = SMPLX_JOINT_NAMES.index(name)
        segment[list(points)] = SEGMENTS.index(_CARRIER_SEGMENTS[name.rpartition("_")[2]])
    joint_segment = np.zeros(BODY_JOINT_COUNT, dtype=np.intp)
    for part, names in _JOINT_SEGMENTS.items():
        joint_segment[[SMPLX_JOINT_NAMES.index(name) for name in names]] = SEGMENTS.index(part)
    vectors = np.zeros((len(VECTORS), LANDMARKS))
    for row, (_, shares) in enumerate(VECTORS):
        vectors[row, list(shares)] = list(shares.values())
    bias_joint = joint[[next(iter(shares)) for _, shares in VECTORS]]
    return PointModel(joint, _offsets(), segment, joint_segment, vectors, _bias(), bias_joint)


@lru_cache
def _measured() -> dict[str, Any]:
    text = resources.files("infinitedance_cli.stages.capture.fitting").joinpath("landmark_offsets.json").read_text()
    data: dict[str, Any] = json.loads(text)
    return data


def world_lengths() -> FloatArray:
    """Lengths (10,) in metres that the reader's world landmarks give the parts of the default body, by `SEGMENTS`."""
    lengths = _measured()["world_lengths"]
    return np.array([lengths[segment] for segment in SEGMENTS])


def _bias() -> FloatArray:
    """Off directions (B, 3): those of the left side and the midline are stored, the right is the mirror image."""
    stored = _measured()["direction_bias"]
    rows = []
    for name, _ in VECTORS:
        side, _, part = name.partition(" ")
        sided = side in ("left", "right")
        value = np.array(stored[part if sided else name], dtype=np.float64)
        rows.append(value * (-1.0, 1.0, 1.0) if side == "right" else value)
    return np.stack(rows)


def _offsets() -> FloatArray:
    """Offsets (L, 3) metres of the landmarks: those of the left side and the midline are stored, the rest mirrored."""
    offsets = np.zeros((LANDMARKS, 3))
    for name, value in _measured()["offsets"].items():
        left, right = (int(part) for part in name.split("/"))
        offsets[left] = value
        offsets[right] = np.array(value) * (-1.0, 1.0, 1.0) if left != right else value
    rest = default_skeleton()
    for side, first in (("left", BODY_LANDMARKS), ("right", BODY_LANDMARKS + len(HAND_POINTS))):
        for place, finger in enumerate(("index1", "middle1", "pinky1"), start=1):
            offsets[first + place] = rest.offsets[rest.index(f"{side}_{finger}")]
    return offsets
