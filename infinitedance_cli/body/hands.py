"""The relaxed hand: our own angles for a dancer's hand at ease, turned into SMPL-X axis-angles for a given skeleton.

Used by `bake_anny`, which writes them to `motion/assets/relaxed_hands.json`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import Skeleton

FloatArray = NDArray[np.floating]

FINGER_CURL_DEGREES = {
    "index": (18.0, 24.0, 12.0),
    "middle": (24.0, 30.0, 14.0),
    "pinky": (32.0, 32.0, 16.0),
    "ring": (29.0, 33.0, 16.0),
}
"""Bend of the three joints of each finger, more toward the little finger."""
FINGER_CLOSING_DEGREES = {"index": 4.0, "middle": 0.0, "pinky": -9.0, "ring": -4.0}
"""Turn of each left finger about +Y toward the middle one: the rest pose has the fingers spread."""
THUMB_CARRY_DEGREES = (14.0, 8.0)
"""The left thumb's base: +Y toward the index, +Z up to the palm's level."""
THUMB_BEND_DEGREES = (8.0, 16.0)
_TOWARD_PALM = np.array([0.2, -0.5, -1.0])
_DOWN = np.array([0.0, -1.0, 0.0])
_MIRROR_AXIS_ANGLE = np.array([1.0, -1.0, -1.0])


def relaxed_hands(skeleton: Skeleton) -> tuple[FloatArray, FloatArray]:
    """Axis-angles (15, 3) in radians of the left and of the right hand, in SMPL-X order, from a flat rest hand."""
    left = np.concatenate([*(_finger(skeleton, finger) for finger in FINGER_CURL_DEGREES), _thumb(skeleton)])
    return left, left * _MIRROR_AXIS_ANGLE


def _turn(axis: FloatArray, degrees: float) -> FloatArray:
    return rotation.from_axis_angle(np.radians(degrees) * rotation.normalize(axis))


def _finger(skeleton: Skeleton, finger: str) -> FloatArray:
    """Axis-angles (3, 3) of one left finger: it folds down about the axis across it, the first joint also closes."""
    along = skeleton.offsets[skeleton.index(f"left_{finger}2")].astype(float)
    bends = [_turn(np.cross(along, _DOWN), degrees) for degrees in FINGER_CURL_DEGREES[finger]]
    closing = rotation.about_axis("y", np.radians(FINGER_CLOSING_DEGREES[finger]))
    return rotation.to_axis_angle(np.stack([rotation.multiply(closing, bends[0]), *bends[1:]]))


def _thumb(skeleton: Skeleton) -> FloatArray:
    """Axis-angles (3, 3) of the left thumb: carried to the index, its two outer joints bent toward the palm."""
    toward_index, level = np.radians(THUMB_CARRY_DEGREES)
    carry = rotation.multiply(rotation.about_axis("y", toward_index), rotation.about_axis("z", level))
    along = skeleton.offsets[skeleton.index("left_thumb3")].astype(float)
    bends = [_turn(np.cross(along, _TOWARD_PALM), degrees) for degrees in THUMB_BEND_DEGREES]
    return rotation.to_axis_angle(np.stack([carry, *bends]))
