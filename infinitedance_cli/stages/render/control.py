"""The pictures that pose-guided video models take (InfiniteDance appendix D): dwpose, depth, normal, densepose-like."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.render.camera import FLESH, View
from infinitedance_cli.stages.render.flat import Spot
from infinitedance_cli.stages.render.pose_points import PosePoints

Floats = NDArray[np.floating]
Pixels = tuple[float, float]

LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
"""Pairs of body points that DWPose joins, in the order of its colours."""
COLOURS = tuple(
    (red / 255, green / 255, blue / 255)
    for red, green, blue in (
        *((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0)),
        *((0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255)),
        *((170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85)),
    )
)
_HAND_EDGES = tuple(
    (0 if point == 1 else first + point - 1, first + point) for first in (0, 4, 8, 12, 16) for point in (1, 2, 3, 4)
)
_LIMB_DIMMING = 0.6
_REFERENCE_PIXELS = 512
"""Line widths are DWPose's at this shorter side of the picture."""

_VIRIDIS = np.array(
    [
        [0.2777273272234177, 0.005407344544966578, 0.3340998053353061],
        [0.1050930431085774, 1.404613529898575, 1.384590162594685],
        [-0.3308618287255563, 0.214847559468213, 0.09509516302823659],
        [-4.634230498983486, -5.799100973351585, -19.33244095627987],
        [6.228269936347081, 14.17993336680509, 56.69055260068105],
        [4.776384997670288, -13.74514537774601, -65.35303263337234],
        [-5.435455855934631, 4.645852612178535, 26.3124352495832],
    ]
)
"""Powers of a polynomial that comes within a hundredth of the viridis colours."""
PARTS = 24


def viridis(part: float | Floats) -> Floats:
    """Colours (..., 3) of the viridis map at places in 0..1."""
    powers = np.asarray(part, float)[..., None] ** np.arange(len(_VIRIDIS))
    return np.clip(powers @ _VIRIDIS, 0.0, 1.0)


def depth_range(joints: Floats, views: Sequence[View]) -> tuple[float, float]:
    """Nearest and farthest metres of a body with joints (T, J, 3) over all frames: one range, so nothing flickers."""
    depths = np.concatenate([view.depth(frame) for view, frame in zip(views, joints, strict=True)])
    return max(float(depths.min()) - FLESH, 0.05), float(depths.max()) + FLESH


def dwpose_spots(points: PosePoints, view: View, width: int, height: int) -> list[Spot]:
    """Limbs, joints and hands as DWPose draws them, in pixels. A face is not drawn: we have no 68 landmarks."""
    unit = min(width, height) / _REFERENCE_PIXELS

    def place(world: Floats) -> Floats:
        return (view.project(world) * [0.5, -0.5] + 0.5) * [width, height]

    body, spots = place(points.body), []
    for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
        if points.seen[start] and points.seen[end]:
            dimmed = tuple(_LIMB_DIMMING * part for part in colour)
            spots.append(_stick(body[start], body[end], 4 * unit, dimmed, ellipse=True))
    for index, colour in enumerate(COLOURS):
        if points.seen[index]:
            spots.append(_dot(body[index], 4 * unit, colour))
    for hand in points.hands:
        spots += _hand_spots(place(hand), unit)
    return spots


def _hand_spots(hand: Floats, unit: float) -> list[Spot]:
    edges = [
        _stick(hand[start], hand[end], unit, colorsys.hsv_to_rgb(index / len(_HAND_EDGES), 1, 1), ellipse=False)
        for index, (start, end) in enumerate(_HAND_EDGES)
    ]
    # DWPose's dots are as large as those of the body and hide the fingers of a small figure; half does not.
    return [*edges, *(_dot(point, 2 * unit, (0.0, 0.0, 1.0)) for point in hand)]


def _dot(centre: Floats, radius: float, colour: tuple[float, ...]) -> Spot:
    return Spot((float(centre[0]), float(centre[1])), (radius, radius), (*colour, 1.0))  # type: ignore[arg-type]


def _stick(start: Floats, end: Floats, half_width: float, colour: tuple[float, ...], *, ellipse: bool) -> Spot:
    along = end - start
    length = float(np.linalg.norm(along))
    axis = along / length if length > 1e-6 else np.array([1.0, 0.0])
    middle = 0.5 * (start + end)
    return Spot(
        (float(middle[0]), float(middle[1])),
        (max(0.5 * length, 0.5), half_width),
        (*colour, 1.0),  # type: ignore[arg-type]
        corner=-1.0 if ellipse else 0.0,
        axis=(float(axis[0]), float(axis[1])),
    )


@dataclass(frozen=True)
class BodySegment:
    """A bone (start and end (3,) in the rest pose) and DensePose's numbers of the parts around it.

    `parts` are those of its back and front, or where `sideways`, of its right and left.
    """

    start: Floats
    end: Floats
    parts: tuple[int, int]
    sideways: bool = False


def body_segments(rest: Floats) -> list[BodySegment]:
    """The segments of a body with joints `rest` (55, 3): every point of the skin belongs to the nearest."""

    def at(name: str) -> Floats:
        return rest[SMPLX_JOINT_NAMES.index(name)].astype(float)

    segments = [
        BodySegment(at("pelvis"), at("spine3"), (1, 2)),
        BodySegment(at("spine3"), at("neck") + _NECK_DROP, (1, 2)),
        BodySegment(at("neck"), at("head") + _CROWN, (23, 24), sideways=True),
    ]
    for side, numbers in _LIMB_PARTS.items():
        hip, knee, ankle = at(f"{side}_hip"), at(f"{side}_knee"), at(f"{side}_ankle")
        shoulder, elbow, wrist = at(f"{side}_shoulder"), at(f"{side}_elbow"), at(f"{side}_wrist")
        segments += [
            BodySegment(at("pelvis"), hip, (1, 2)),
            BodySegment(at("spine3"), shoulder, (1, 2)),
            # Limbs begin a little outside of the trunk: what is as near to both belongs to the trunk.
            BodySegment(hip + _LIMB_START * (knee - hip), knee, numbers["upper_leg"]),
            BodySegment(knee, ankle, numbers["lower_leg"]),
            BodySegment(ankle + _HEEL, at(f"{side}_foot"), numbers["foot"]),
            BodySegment(shoulder + _LIMB_START * (elbow - shoulder), elbow, numbers["upper_arm"]),
            BodySegment(elbow, wrist, numbers["lower_arm"]),
            BodySegment(wrist, at(f"{side}_middle1"), numbers["hand"]),
        ]
    return segments


_LIMB_PARTS: dict[str, dict[str, tuple[int, int]]] = {
    "left": {
        **{"upper_leg": (8, 10), "lower_leg": (12, 14), "foot": (5, 5)},
        **{"upper_arm": (15, 17), "lower_arm": (19, 21), "hand": (4, 4)},
    },
    "right": {
        **{"upper_leg": (7, 9), "lower_leg": (11, 13), "foot": (6, 6)},
        **{"upper_arm": (16, 18), "lower_arm": (20, 22), "hand": (3, 3)},
    },
}
_LIMB_START = 0.08
_NECK_DROP = np.array([0.0, -0.03, 0.0])
_CROWN = np.array([0.0, 0.15, 0.03])
_HEEL = np.array([0.0, -0.04, -0.02])
