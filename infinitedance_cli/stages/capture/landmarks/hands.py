"""A hand: where it is by the wrist, index and little finger of the body, and its 21 landmarks.

Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking" (2020); the crop is first mended by the small re-crop
network of MediaPipe Holistic. The numbers are those of the published graphs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infinitedance_cli.stages.capture.landmarks import geometry
from infinitedance_cli.stages.capture.landmarks.network import Network
from infinitedance_cli.stages.capture.landmarks.records import FloatArray, Picture, Region

LEAST_WRIST_VISIBILITY = 0.1
LEAST_SCORE = 0.5
LEAST_SIDE = 16.0
"""A hand whose region is smaller than this many pixels is not read: nothing can be told of its fingers."""

CHECK_EVERY = 6
"""A hand that stays where it is gets its region from its own landmarks; so often at least it is found anew."""

_STILL = {"angle": math.radians(15), "shift": 0.05, "scale": 0.15}
_UP = math.pi / 2
_PALM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
_WRIST, _INDEX_JOINT, _MIDDLE_JOINT, _RING_JOINT = 0, 6, 10, 14
# Wrist, little finger and index finger among the landmarks of the body, for the left and the right hand.
_OF_BODY = ((15, 17, 19), (16, 18, 20))


@dataclass(frozen=True, eq=False)
class HandReading:
    """`image` (21, 2) pixels, `world` (21, 3) metres about the hand in the camera's axes, `score` 0–1 that a hand is
    there, `right` 0–1 that it is a right one, and the region in which to look for it next.

    `expected` is the region in which the body's landmarks put it, `age` the pictures since that was checked.
    """

    image: FloatArray
    world: FloatArray
    score: float
    right: float
    next_region: Region
    expected: Region
    age: int


class HandNetworks:
    """Reads the hands of a body, the right and the left. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._recrop = Network(folder / "hand_recrop.tflite")
        self._network = Network(folder / "hand_landmark_full.tflite")

    def read(self, picture: Picture, expected: Region, before: HandReading | None) -> HandReading:
        """The hand that the body's landmarks put into the `expected` region, and that was there `before`."""
        if before is not None and before.age < CHECK_EVERY and geometry.agree(expected, before.expected, **_STILL):
            return self._read(picture, before.next_region, expected, before.age + 1)
        return self._read(picture, self._region(picture, expected, before), expected, 0)

    def _region(self, picture: Picture, expected: Region, before: HandReading | None) -> Region:
        """The previous hand's region where it is about the one that the re-crop network finds, otherwise the latter."""
        cut = geometry.crop(picture, expected, self._recrop.side, repeat_edge=True)
        (flat,) = self._recrop.run(cut)
        middle, top = geometry.to_picture(flat.reshape(2, 2) / self._recrop.side, expected)
        fresh = geometry.moved(geometry.from_axis(middle, top, -_UP, 1.0), 1.0, -0.1)
        if before is None:
            return fresh
        steady = geometry.agree(before.next_region, fresh, angle=math.radians(40), shift=0.2, scale=0.4)
        return before.next_region if steady and geometry.inside(before.image, fresh, -0.1) else fresh

    def _read(self, picture: Picture, region: Region, expected: Region, age: int) -> HandReading:
        cut = geometry.crop(picture, region, self._network.side, repeat_edge=True)
        flat, score, right, flat_world = self._network.run(cut)
        image = geometry.to_picture(flat.reshape(-1, 3)[:, :2] / self._network.side, region)
        world = flat_world.reshape(-1, 3).copy()
        world[:, :2] = world[:, :2] @ geometry.turn(region.angle).T
        return HandReading(image, world, float(score[0]), float(right[0]), _next_region(image), expected, age)


def expected_region(body: FloatArray, visibility: FloatArray, side: int) -> Region | None:
    """Where the body's landmarks (33, 2) put its hand, 0 left and 1 right; None where none can be read."""
    wrist, little, index = _OF_BODY[side]
    if visibility[wrist] < LEAST_WRIST_VISIBILITY:
        return None
    middle = (2 * body[index] + body[little]) / 3
    across, down = middle - body[wrist]
    angle = geometry.normal_angle(_UP - math.atan2(-down, across))
    region = geometry.moved(Region(float(middle[0]), float(middle[1]), 2 * math.hypot(across, down), angle), 2.7, -0.1)
    return region if region.size >= LEAST_SIDE else None


def _next_region(image: FloatArray) -> Region:
    """The region round the palm, turned so that the fingers point up."""
    knuckles = (0.5 * (image[_INDEX_JOINT] + image[_RING_JOINT]) + image[_MIDDLE_JOINT]) / 2
    across, down = knuckles - image[_WRIST]
    angle = geometry.normal_angle(_UP - math.atan2(-down, across))
    return geometry.around(image[np.array(_PALM)], angle, 2.0, -0.1)
