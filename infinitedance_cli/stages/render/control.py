"""The pictures that pose-guided video models take (InfiniteDance appendix D): dwpose, depth, normal, densepose-like."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.render.camera import FLESH, View
from infinitedance_cli.stages.render.figure import Figure
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


def depth_range(joints: Floats, views: list[View]) -> tuple[float, float]:
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


def with_part_colours(figure: Figure) -> Figure:
    """The figure in the colours of DensePose's 24 parts along viridis: face k has that of part k of 24."""
    colours = figure.colours.copy()
    colours[:, :3] = viridis(body_parts(figure) / PARTS)
    return replace(figure, colours=colours)


def body_parts(figure: Figure) -> NDArray[np.int64]:
    """DensePose's part (V,), 1 to 24, of each vertex, from the joint that carries it and the side that it faces."""
    carrier = figure.joint_indices[np.arange(len(figure.vertices)), figure.joint_weights.argmax(axis=1)]
    back = figure.normals[:, 2] < 0
    parts = np.ones(len(carrier), np.int64)
    for joint, name in enumerate(SMPLX_JOINT_NAMES):
        here = carrier == joint
        first, second = _PARTS_OF[_region(name)]
        if name == "head" or _region(name) == "head":
            parts[here] = np.where(figure.vertices[here, 0] < 0, first, second)
        else:
            parts[here] = np.where(back[here], first, second)
    return parts


_PARTS_OF = {
    "torso": (1, 2),
    "right_hand": (3, 3),
    "left_hand": (4, 4),
    "left_foot": (5, 5),
    "right_foot": (6, 6),
    "right_upper_leg": (7, 9),
    "left_upper_leg": (8, 10),
    "right_lower_leg": (11, 13),
    "left_lower_leg": (12, 14),
    "left_upper_arm": (15, 17),
    "right_upper_arm": (16, 18),
    "left_lower_arm": (19, 21),
    "right_lower_arm": (20, 22),
    "head": (23, 24),
}
"""DensePose's numbers of the back and of the front of each region; of the right and the left of the head."""
_REGIONS = {"hip": "upper_leg", "knee": "lower_leg", "ankle": "foot", "foot": "foot", "shoulder": "upper_arm"}


def _region(name: str) -> str:
    if name in ("head", "neck", "jaw") or "eye" in name:
        return "head"
    side, _, part = name.partition("_")
    if side not in ("left", "right") or part == "collar":
        return "torso"
    return f"{side}_{_REGIONS.get(part, 'lower_arm' if part == 'elbow' else 'hand')}"
