"""Boxes (4,) in pixels: left, top, right, bottom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = NDArray[np.floating[Any]]


def area(box: Box) -> float:
    """Square pixels; 0 for a box turned inside out."""
    return max(float(box[2] - box[0]), 0.0) * max(float(box[3] - box[1]), 0.0)


def height(box: Box) -> float:
    """Pixels from top to bottom."""
    return float(box[3] - box[1])


def centre(box: Box) -> Box:
    """The middle (2,)."""
    return 0.5 * (box[:2] + box[2:])


def centre_distance(one: Box, other: Box) -> float:
    """Pixels between the middles of two boxes."""
    return float(np.linalg.norm(centre(one) - centre(other)))


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0 to 1."""
    shared = np.concatenate((np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])))
    common = area(shared)
    union = area(one) + area(other) - common
    return common / union if union > 0 else 0.0
