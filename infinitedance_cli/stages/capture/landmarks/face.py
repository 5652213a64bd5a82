"""A face: where it is by the eyes, ears, nose and mouth of the body, and its 468 landmarks.

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs" (2019), with the BlazeFace
detector to find it first. The numbers are those of the published graphs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infinitedance_cli.stages.capture.landmarks import geometry
from infinitedance_cli.stages.capture.landmarks.network import Network, sigmoid
from infinitedance_cli.stages.capture.landmarks.records import FloatArray, Picture, Region
from infinitedance_cli.stages.capture.landmarks.ssd import Detector

LEAST_SCORE = 0.5
LEAST_SIDE = 16.0
"""A face whose region is smaller than this many pixels is not read: nothing can be told of its features."""

CHECK_EVERY = 6
"""A face that stays where it is gets its region from its own landmarks; so often at least it is found anew."""

_STILL = {"angle": math.radians(15), "shift": 0.05, "scale": 0.15}
_LEAST_DETECTION_SCORE = 0.5
_STRIDES = (8, 16, 16, 16)
_RIGHT_EYE_CORNER, _LEFT_EYE_CORNER = 33, 263
_BODY_FACE = slice(0, 11)
_BODY_RIGHT_EYE, _BODY_LEFT_EYE = 5, 2


@dataclass(frozen=True, eq=False)
class FaceReading:
    """`image` (468, 3): pixels, and z in the same scale; `score` 0–1; and the region in which to look for it next.

    `expected` is the region in which the body's landmarks put it, `age` the pictures since that was checked.
    """

    image: FloatArray
    score: float
    next_region: Region
    expected: Region
    age: int


class FaceNetworks:
    """Reads the face of a body. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._detector = Detector(Network(folder / "face_detection_short_range.tflite", low=-1.0), _STRIDES)
        self._network = Network(folder / "face_landmark.tflite")

    def read(self, picture: Picture, expected: Region, before: FaceReading | None) -> FaceReading | None:
        """The face that the body's landmarks put into the `expected` region, and that was there `before`, if any."""
        if before is not None and before.age < CHECK_EVERY and geometry.agree(expected, before.expected, **_STILL):
            return self._read(picture, before.next_region, expected, before.age + 1)
        region = self._region(picture, expected, before)
        return self._read(picture, region, expected, 0) if region is not None else None

    def _region(self, picture: Picture, expected: Region, before: FaceReading | None) -> Region | None:
        found = self._detector.detect(picture, expected, _LEAST_DETECTION_SCORE)
        if not found:
            return None
        right_eye, left_eye = found[0].points[:2]
        fresh = geometry.about_box(found[0].points, _level(right_eye, left_eye), 2.0, -0.1)
        if before is None:
            return fresh
        steady = geometry.agree(before.next_region, fresh, angle=math.radians(15), shift=0.1, scale=0.3)
        return before.next_region if steady and geometry.inside(before.image[:, :2], fresh, -0.2) else fresh

    def _read(self, picture: Picture, region: Region, expected: Region, age: int) -> FaceReading:
        cut = geometry.crop(picture, region, self._network.side, repeat_edge=True)
        flat, logit = self._network.run(cut)
        rows = flat.reshape(-1, 3) / self._network.side
        image = np.concatenate([geometry.to_picture(rows, region), rows[:, 2:] * region.size], axis=1)
        angle = _level(image[_RIGHT_EYE_CORNER], image[_LEFT_EYE_CORNER])
        next_region = geometry.about_box(image[:, :2], angle, 1.5)
        return FaceReading(image, float(sigmoid(logit).reshape(-1)[0]), next_region, expected, age)


def expected_region(body: FloatArray) -> Region | None:
    """Where the body's landmarks (33, 2) put its face; None where it is too small to be read."""
    angle = _level(body[_BODY_RIGHT_EYE], body[_BODY_LEFT_EYE])
    region = geometry.about_box(body[_BODY_FACE], angle, 3.0)
    return region if region.size >= LEAST_SIDE else None


def _level(right: FloatArray, left: FloatArray) -> float:
    """The angle of the line from the person's right to the left, which is to the right in the picture."""
    return geometry.normal_angle(-math.atan2(-float(left[1] - right[1]), float(left[0] - right[0])))
