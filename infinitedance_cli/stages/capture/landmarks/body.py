"""The body: BlazePose's person detector and its network of 33 landmarks.

Lugaresi et al., "MediaPipe", and Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking" (2020). The
numbers are those of the published graphs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infinitedance_cli.stages.capture.landmarks import geometry
from infinitedance_cli.stages.capture.landmarks.network import Network, sigmoid
from infinitedance_cli.stages.capture.landmarks.records import BODY_LANDMARKS, Detection, FloatArray, Picture, Region
from infinitedance_cli.stages.capture.landmarks.ssd import Detector, Found

LEAST_DETECTION_SCORE = 0.5
LEAST_PRESENCE = 0.5
_STRIDES = (8, 16, 32, 32, 32)
_REGION_SCALE = 1.25
_SAME_HIPS = 0.2  # of the side of the smaller one's region, which is about one and a half times the body's height
_BREADTH = 0.55
_UP = math.pi / 2
_OUTPUTS = (0, 1, 3, 4)  # landmarks, presence, heatmaps, world landmarks; 2 is the mask of the person
_HEATMAP_REACH = 3
_LEAST_HEAT = 0.5


@dataclass(frozen=True, eq=False)
class BodyReading:
    """What the network sees in one region: `image` (33, 2) pixels, `world` (33, 3) metres, `visibility` (33,),
    `presence` 0–1 that a person is there, and the region in which to look for it next."""

    image: FloatArray
    world: FloatArray
    visibility: FloatArray
    presence: float
    next_region: Region


class BodyDetector:
    """Finds people by torso and head. Made for one or two people who fill much of the picture, so it also looks at the
    squares that a long picture is made of: that finds people who are a third of the picture's height or less."""

    def __init__(self, folder: Path) -> None:
        self._detector = Detector(Network(folder / "pose_detection.tflite", low=-1.0), _STRIDES)

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Everybody, the surest first."""
        regions = [geometry.whole(picture), *squares(picture)]
        found = [each for region in regions for each in self._detector.detect(picture, region, LEAST_DETECTION_SCORE)]
        return distinct([_detection(each) for each in found])


class BodyNetwork:
    """Reads the body's landmarks in a region."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path, outputs=_OUTPUTS)

    def read(self, picture: Picture, region: Region) -> BodyReading:
        """The landmarks of the person in the middle of the region."""
        cut = geometry.crop(picture, region, self._network.side, repeat_edge=True)
        flat, presence, heat, flat_world = self._network.run(cut)
        rows = flat.reshape(-1, 5)
        points = refine(rows[:, :2] / np.float32(self._network.side), heat)
        placed = geometry.to_picture(points, region)
        world = flat_world.reshape(-1, 3)[:BODY_LANDMARKS].copy()
        world[:, :2] = world[:, :2] @ geometry.turn(region.angle).T
        return BodyReading(
            image=placed[:BODY_LANDMARKS],
            world=world,
            visibility=sigmoid(rows[:BODY_LANDMARKS, 3]),
            presence=float(presence[0]),
            next_region=geometry.from_axis(placed[BODY_LANDMARKS], placed[BODY_LANDMARKS + 1], _UP, _REGION_SCALE),
        )


def refine(points: FloatArray, heat: FloatArray) -> FloatArray:
    """Landmarks (N, 2) in units of the crop, moved to the centre of heat round them where the heat is clear.

    `heat` (rows, columns, N) are logits. The window is seven cells wide.
    """
    height, width, _ = heat.shape
    refined = points.copy()
    for number, (x, y) in enumerate(points):
        column, row = int(x * width), int(y * height)
        if not (0 <= column < width and 0 <= row < height):
            continue
        top, left = max(0, row - _HEATMAP_REACH), max(0, column - _HEATMAP_REACH)
        window = sigmoid(heat[top : row + _HEATMAP_REACH + 1, left : column + _HEATMAP_REACH + 1, number])
        total = float(window.sum())
        if window.max() < _LEAST_HEAT or total <= 0:
            continue
        refined[number, 0] = (window.sum(axis=0) @ np.arange(left, left + window.shape[1])) / total / width
        refined[number, 1] = (window.sum(axis=1) @ np.arange(top, top + window.shape[0])) / total / height
    return refined


def region_of_box(box: FloatArray) -> Region:
    """The region to look in for a person of whom only the box (4,) is known, taken to be upright."""
    middle, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    return Region(float(middle[0]), float(middle[1]), _REGION_SCALE * float(extent.max()))


def squares(picture: Picture) -> list[Region]:
    """As few squares of the picture's shorter side as cover it, evenly along the longer one; none for a square one."""
    height, width = picture.shape[:2]
    short, long = min(width, height), max(width, height)
    count = math.ceil(long / short)
    places = np.linspace(short / 2, long - short / 2, count).tolist() if count > 1 else []
    return [Region(place, short / 2, short) if width > height else Region(short / 2, place, short) for place in places]


def distinct(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """One detection of each person, the surest, in order of score: hips that lie close together are one person's."""
    kept: list[tuple[Detection, Region]] = []
    for each in sorted(found, key=lambda detection: -detection.score):
        region = each.region or region_of_box(each.box)
        nearest = min((_hips_apart(region, other) for _, other in kept), default=math.inf)
        if nearest > _SAME_HIPS:
            kept.append((each, region))
    return tuple(each for each, _ in kept)


def _hips_apart(first: Region, second: Region) -> float:
    return math.hypot(first.x - second.x, first.y - second.y) / min(first.size, second.size)


def _detection(found: Found) -> Detection:
    """The detector knows a circle round the whole body; the box is that of a body standing in it, arms half raised."""
    region = geometry.from_axis(found.points[0], found.points[1], _UP, _REGION_SCALE)
    along = region.size / _REGION_SCALE / 2
    across = _BREADTH * along
    cosine, sine = abs(math.cos(region.angle)), abs(math.sin(region.angle))
    half = np.array([across * cosine + along * sine, across * sine + along * cosine])
    middle = np.array([region.x, region.y])
    return Detection(np.concatenate([middle - half, middle + half]).astype(np.float32), found.score, region)
