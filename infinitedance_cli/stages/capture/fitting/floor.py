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
    RIGHT_HIP,
    RIGHT_SHOULDER,
    RIGHT_TOES,
    point_model,
)
from infinitedance_cli.stages.capture.fitting.pose_model import Person

FloatArray = NDArray[np.floating]

FOOT_POINTS = (LEFT_HEEL, LEFT_TOES, RIGHT_HEEL, RIGHT_TOES)
ROLL_SPREAD, PITCH_SPREAD, LEVEL_PITCH = np.radians(3.0), np.radians(12.0), np.radians(-4.0)
"""Cameras are held level to the side; they look down a little more often than up."""
_UPRIGHT_SPREAD = np.radians(5.0)
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
    (T, F, 3) where they stand; spreads in metres of the height and of the place."""

    points: list[int]
    weight: FloatArray
    rest: FloatArray
    anchors: FloatArray
    spread: float
    slip: float

    def part(self, frames: slice) -> Standing:
        """Of some of the frames."""
        return replace(self, weight=self.weight[frames], anchors=self.anchors[frames])


def rest_heights(person: Person) -> FloatArray:
    """Heights (4,) of `FOOT_POINTS` over the floor when the sole is flat on it."""
    factor = np.exp(person.scales)[point_model().segment[list(FOOT_POINTS)]]
    heights: FloatArray = factor * (_SOLE + point_model().offset[list(FOOT_POINTS), 1])
    return heights


def first_floor(person: Person, sight: Sight, fps: float) -> Floor:
    """Up from how the person holds the trunk and how cameras are held; the height of the lowest standing feet."""
    seen = person.pose().seen
    trunk = 0.5 * (seen[:, LEFT_SHOULDER] + seen[:, RIGHT_SHOULDER] - seen[:, LEFT_HIP] - seen[:, RIGHT_HIP])
    feet = seen[:, list(FOOT_POINTS)].mean(axis=1)
    body = 0.5 * (seen[:, LEFT_SHOULDER] + seen[:, RIGHT_SHOULDER]) - feet
    direction = rotation.normalize(np.concatenate((rotation.normalize(trunk), rotation.normalize(body))))
    camera_up = np.array([0.0, np.cos(LEVEL_PITCH), -np.sin(LEVEL_PITCH)])
    upright = direction[direction @ camera_up > np.cos(np.radians(35))]
    up = camera_up
    if len(upright) > 0.1 * len(direction):
        mean = np.median(upright, axis=0)
        tilt = np.array([mean[0] / mean[1], mean[2] / mean[1]])
        prior = np.array([0.0, camera_up[2] / camera_up[1]])
        weights = np.array([ROLL_SPREAD, PITCH_SPREAD]) ** -2.0
        body_weight = _UPRIGHT_SPREAD**-2.0
        tilt = (weights * prior + body_weight * tilt) / (weights + body_weight)
        up = rotation.normalize(np.array([tilt[0], 1.0, tilt[1]]))
    low = (seen[:, list(FOOT_POINTS)] @ up - rest_heights(person)).min(axis=1)
    return Floor(up, float(np.percentile(low, 20)))


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
    standing = Standing(points, weight, rest, seen.copy(), spread, _BAND)
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
    return replace(standing, anchors=anchors, rest=rest_heights(person))


def _speed_across(seen: FloatArray, camera: Pinhole, fps: float) -> FloatArray:
    """Speeds (T, F) m/s of points (T, F, 3) across the line of sight: the mean of the steps before and after."""
    if len(seen) < 2:
        return np.zeros(seen.shape[:2])
    view = rotation.normalize(0.5 * (seen[1:] + seen[:-1]))
    step = np.diff(seen, axis=0)
    step = step - np.sum(step * view, axis=-1, keepdims=True) * view
    length = np.linalg.norm(step, axis=-1) * fps
    return 0.5 * (np.concatenate((length, length[-1:])) + np.concatenate((length[:1], length)))
