"""Turned squares of a picture: made of points, cut out of it, and back from what was found in the cut-out.

Angles are radians, clockwise as one looks at the picture (y points down). The crop of a region has its corners on the
corners of the region, so that point (u, v) of a crop with side S is `centre + turn(u / S − ½, v / S − ½) · size`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.landmarks.records import FloatArray, Picture, Region

_LEAST_PART, _PART_OF_CHANGE = 0.1, 5.0

Array = NDArray[np.floating[Any]]


def turn(angle: float) -> FloatArray:
    """The (2, 2) matrix that turns column vectors (x, y) clockwise by the angle."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]], np.float32)


def normal_angle(angle: float) -> float:
    """The same direction within −π … π."""
    return math.remainder(angle, 2 * math.pi)


def whole(picture: Picture) -> Region:
    """The smallest square round the whole picture."""
    height, width = picture.shape[:2]
    return Region(width / 2, height / 2, float(max(width, height)))


def from_axis(start: Array, end: Array, target: float, scale: float) -> Region:
    """The region about `start` that reaches to `end` on every side, `scale` times as large, and is turned so that the
    vector from start to end points along `target` in it: 0 right, π/2 up."""
    across, down = float(end[0] - start[0]), float(end[1] - start[1])
    angle = normal_angle(target - math.atan2(-down, across))
    return Region(float(start[0]), float(start[1]), 2 * scale * math.hypot(across, down), angle)


def around(points: Array, angle: float, scale: float, shift: float = 0.0) -> Region:
    """The region turned by `angle` round all points (N, 2), `scale` times as large as the longer side of their box in
    its axes, and moved down its own axis by `shift` times the height of the box."""
    upright = points @ turn(angle)
    low, high = upright.min(axis=0), upright.max(axis=0)
    extent = high - low
    x, y = turn(angle) @ ((low + high) / 2 + (0, shift * extent[1]))
    return Region(float(x), float(y), scale * float(extent.max()), angle)


def about_box(points: Array, angle: float, scale: float, shift: float = 0.0) -> Region:
    """As `around`, with the box of the points in the axes of the picture, which is then turned about its middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    x, y = (low + high) / 2 + turn(angle) @ (0, shift * extent[1])
    return Region(float(x), float(y), scale * float(extent.max()), angle)


def agree(first: Region, second: Region, *, angle: float, shift: float, scale: float) -> bool:
    """Whether the first region differs from the second by no more than an angle, and by no more than these parts of the
    second's side in place and in size."""
    offset = np.array([first.x - second.x, first.y - second.y]) @ turn(second.angle)
    return (
        abs(normal_angle(first.angle - second.angle)) <= angle
        and float(np.abs(offset).max()) <= shift * second.size
        and abs(first.size - second.size) <= scale * second.size
    )


def inside(points: Array, region: Region, margin: float) -> bool:
    """Whether all points (N, 2) are within the region made larger by `margin` times its side."""
    offsets = (points - (region.x, region.y)) @ turn(region.angle)
    return bool(np.abs(offsets).max() < region.size * (1 + margin) / 2)


def moved(region: Region, scale: float, shift: float) -> Region:
    """The region `scale` times as large and moved down its own axis by `shift` times its old side."""
    x, y = turn(region.angle) @ (0, shift * region.size)
    return Region(region.x + float(x), region.y + float(y), region.size * scale, region.angle)


def steadied(before: Region, fresh: Region) -> Region:
    """The fresh region, held back towards the one before it the more the less they differ.

    A crop that trembles makes landmarks tremble; one that lags a little on its wide margin does not.
    """
    turned = normal_angle(fresh.angle - before.angle)
    sideways = math.hypot(fresh.x - before.x, fresh.y - before.y) / fresh.size
    change = max(sideways, abs(fresh.size - before.size) / fresh.size, abs(turned) / 2)
    part = min(1.0, _LEAST_PART + _PART_OF_CHANGE * change)
    x, y = before.x + part * (fresh.x - before.x), before.y + part * (fresh.y - before.y)
    return Region(x, y, before.size + part * (fresh.size - before.size), normal_angle(before.angle + part * turned))


def crop(picture: Picture, region: Region, side: int, *, repeat_edge: bool) -> Picture:
    """The region of the picture as (side, side, 3); beyond the picture its edge is repeated, or all is black."""
    import cv2

    step = region.size / side
    matrix = np.empty((2, 3), np.float64)
    matrix[:, :2] = turn(region.angle) * step
    matrix[:, 2] = (region.x, region.y) - matrix[:, :2] @ (side / 2, side / 2)
    border = cv2.BORDER_REPLICATE if repeat_edge else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=flags, borderMode=border), np.uint8)


def to_picture(points: Array, region: Region) -> FloatArray:
    """Points (N, 2) in units of the region's side, from its top left corner, as pixels of the picture."""
    centred = (points[:, :2] - 0.5) * region.size
    return np.asarray(centred @ turn(region.angle).T + (region.x, region.y), np.float32)


def overlap(first: Array, second: Array) -> float:
    """Intersection over union of two boxes (4,) left, top, right, bottom."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    total = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - shared
    return shared / total if total > 0 else 0.0
