"""The floor that the person stands on, and with it gravity: where feet stand, and the plane through those places."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.contact import hold_contacts, intervals
from infinitedance_cli.stages.capture.fitting.camera import Pinhole
from infinitedance_cli.stages.capture.fitting.evidence import Sight
from infinitedance_cli.stages.capture.fitting.points import (
    LEFT_HEEL,
    LEFT_HIP,
    LEFT_SHOULDER,
    LEFT_TOES,
    RIGHT_HEEL,
    RIGHT_TOES,
    point_model,
)
from infinitedance_cli.stages.capture.fitting.pose_model import Person

FloatArray = NDArray[np.floating]

FOOT_POINTS = (LEFT_HEEL, LEFT_TOES, RIGHT_HEEL, RIGHT_TOES)
ROLL_SPREAD, PITCH_SPREAD, LEVEL_PITCH = np.radians(8.0), np.radians(12.0), np.radians(-5.0)
"""Cameras are held level to the side; they look down a little more often than up."""
_UPRIGHT_SPREAD = np.radians(3.5)
_FARTHEST_LEAN = np.radians(40.0)
_PLACE_SPREAD, _LEAST_STEPS, _LONG_STEP = 0.04, 4, 15
_SLOW, _LOW, _NEAR = 0.35, 0.10, 0.06
_RELEASE = 1.7
_SHORTEST = 4
_BAND = 0.04
_SEEN = 0.1
_SOLE = 0.0767
"""Height of the default skeleton's ankle over the sole, metres."""


@dataclass(frozen=True)
class Floor:
    """A plane in the reference axes: `up` (3,) its unit normal, `height` metres of it along `up`."""

    up: FloatArray
    height: float

    @property
    def tilts(self) -> FloatArray:
        """Two unit vectors (2, 3) across `up`: the ways in which it can tilt (sideways, forward)."""
        sideways = rotation.normalize(np.cross(np.cross(self.up, (1.0, 0.0, 0.0)), self.up))
        return np.stack((sideways, np.cross(sideways, self.up)))

    def tilted(self, change: FloatArray) -> Floor:
        """The plane after a step (3,): two tilts in radians and metres of height."""
        return Floor(rotation.normalize(self.up + change[:2] @ self.tilts), self.height + float(change[2]))


@dataclass(frozen=True)
class Standing:
    """Standing foot `points` (F,): `weight` (T, F) 0–1, `rest` (F,) metres over the floor while they stand, `anchors`
    (T, F, 3) where they are to stand and `places` where they are now; spreads in metres of the height and the place."""

    points: list[int]
    weight: FloatArray
    rest: FloatArray
    anchors: FloatArray
    places: FloatArray
    spread: float
    slip: float

    def part(self, frames: slice) -> Standing:
        """Of some of the frames."""
        return replace(self, weight=self.weight[frames], anchors=self.anchors[frames], places=self.places[frames])


def rest_heights(person: Person) -> FloatArray:
    """Heights (4,) of `FOOT_POINTS` over the floor when the sole is flat on it."""
    factor = np.exp(person.scales)[point_model().segment[list(FOOT_POINTS)]]
    heights: FloatArray = factor * (_SOLE + point_model().offset[list(FOOT_POINTS), 1])
    return heights


def first_floor(person: Person) -> Floor:
    """Up from how the person stands and how cameras are held; the height of the lowest standing feet.

    Whoever dances keeps hips and shoulders over the feet on the whole; frames far from upright do not count.
    """
    seen = person.pose().seen
    feet = seen[:, list(FOOT_POINTS)].mean(axis=1)
    hips, shoulders = (0.5 * (seen[:, left] + seen[:, left + 1]) for left in (LEFT_HIP, LEFT_SHOULDER))
    direction = rotation.normalize(np.concatenate((hips - feet, shoulders - feet)))
    camera_up = np.array([0.0, np.cos(LEVEL_PITCH), -np.sin(LEVEL_PITCH)])
    upright = direction[direction @ camera_up > np.cos(_FARTHEST_LEAN)]
    up = camera_up
    if len(upright) > 0.1 * len(direction):
        mean = np.median(upright, axis=0)
        seen_tilt, usual = (np.array([axis[0], axis[2]]) / axis[1] for axis in (mean, camera_up))
        weights, body = np.array([ROLL_SPREAD, PITCH_SPREAD]) ** -2.0, _UPRIGHT_SPREAD**-2.0
        tilt = (weights * usual + body * seen_tilt) / (weights + body)
        up = rotation.normalize(np.array([tilt[0], 1.0, tilt[1]]))
    low = (seen[:, list(FOOT_POINTS)] @ up - rest_heights(person)).min(axis=1)
    return Floor(up, float(np.percentile(low, 20)))


def levelled(floor: Floor, prior: Floor, standing: Standing) -> Floor:
    """The plane through the places where feet stood, drawn towards the `prior`'s tilt.

    Each time that a foot stood counts once, up to a second: frames of one step err together.
    """
    places, weights = [], []
    for column, rest in enumerate(standing.rest):
        for start, end in intervals(standing.weight[:, column] > 0):
            places.append(standing.places[start:end, column].mean(axis=0) - rest * floor.up)
            weights.append(min(end - start, _LONG_STEP))
    if len(places) < _LEAST_STEPS:
        return floor
    points, certain = np.stack(places), np.array(weights) / _LONG_STEP
    for _ in range(6):
        tilts = floor.tilts
        off = points @ floor.up - floor.height
        weight = certain / _PLACE_SPREAD**2 / (1 + (off / (2 * _PLACE_SPREAD)) ** 2)
        rows = np.concatenate((points @ tilts.T, -np.ones((len(points), 1))), axis=1)
        hold = np.diag([_UPRIGHT_SPREAD**-2.0] * 2 + [1e-3])
        pull = np.append(tilts @ (floor.up - prior.up), 0.0) * _UPRIGHT_SPREAD**-2.0
        change = -np.linalg.solve((rows * weight[:, None]).T @ rows + hold, rows.T @ (weight * off) + pull)
        floor = floor.tilted(change)
    return floor


def find_standing(person: Person, camera: Pinhole, sight: Sight, floor: Floor, fps: float, spread: float) -> Standing:
    """Which foot points stand, and where: slow across the line of sight, and low.

    How fast a point is along the line of sight is little known, so only its speed across it is tested.
    """
    points = list(FOOT_POINTS)
    seen = person.pose().seen[:, points]
    rest = rest_heights(person)
    height = seen @ floor.up - floor.height - rest
    low = np.minimum(height, height.min(axis=1, keepdims=True) + _NEAR)
    speed = _speed_across(seen, camera, fps)
    begins = (sight.trust[:, points] > _SEEN) & (speed < _SLOW) & (height <= low) & (np.abs(height) < _LOW)
    lasts = (speed < _SLOW * _RELEASE) & (height < _LOW * _RELEASE)
    planted = hold_contacts(begins, lasts, _SHORTEST) if len(seen) > 1 else begins
    trust = sight.trust[:, points]
    weight = planted.astype(np.float64) * np.clip(2 * trust, 0.1, 1.0)
    standing = Standing(points, weight, rest, seen, seen, spread, _BAND)
    return anchored(standing, person, floor)


def anchored(standing: Standing, person: Person, floor: Floor) -> Standing:
    """`standing` with the anchors at the mean place of each point over each time that it stands, on the floor."""
    seen = person.pose().seen[:, standing.points]
    anchors = seen.copy()
    for column in range(len(standing.points)):
        for start, end in intervals(standing.weight[:, column] > 0):
            weight = standing.weight[start:end, column]
            place = weight @ seen[start:end, column] / weight.sum()
            lift = floor.height + standing.rest[column] - place @ floor.up
            anchors[start:end, column] = place + lift * floor.up
    return replace(standing, anchors=anchors, places=seen, rest=rest_heights(person))


def _speed_across(seen: FloatArray, camera: Pinhole, fps: float) -> FloatArray:
    """Speeds (T, F) m/s of points (T, F, 3) across the line of sight: the mean of the steps before and after."""
    if len(seen) < 2:
        return np.zeros(seen.shape[:2])
    view = rotation.normalize(0.5 * (seen[1:] + seen[:-1]))
    step = np.diff(seen, axis=0)
    step = step - np.sum(step * view, axis=-1, keepdims=True) * view
    length = np.linalg.norm(step, axis=-1) * fps
    return 0.5 * (np.concatenate((length, length[-1:])) + np.concatenate((length[:1], length)))
