"""Body frames from joint positions alone, in the convention of our T-pose (x to the left, y up, z forward)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import Skeleton

Array = NDArray[np.floating]
Points = dict[str, Array]
LIMBS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))


def bone(points: Points, start: str, end: str) -> Array | None:
    """Unit direction (..., 3) from one role to another, None when either is missing."""
    if start not in points or end not in points:
        return None
    return rotation.normalize(points[end] - points[start])


def midpoint(points: Points, name: str) -> Array:
    """The middle (..., 3) of a left and right pair."""
    return 0.5 * (points[f"left_{name}"] + points[f"right_{name}"])


def trunk_up(points: Points) -> Array:
    """Unit direction (..., 3) from the middle of the hips to the middle of the shoulders."""
    return rotation.normalize(midpoint(points, "shoulder") - midpoint(points, "hip"))


def trunk_frame(points: Points, lower: bool = False, upper: bool = False) -> Array:
    """Rotation (..., 4) of the trunk: x across hips and shoulders (only hips if `lower`, only shoulders if `upper`)."""
    hips = rotation.normalize(points["left_hip"] - points["right_hip"])
    shoulders = rotation.normalize(points["left_shoulder"] - points["right_shoulder"])
    across = hips if lower else shoulders if upper else hips + shoulders
    return frame_from(across, trunk_up(points))


def frame_from(across: Array, up: Array) -> Array:
    """Rotation (..., 4) whose y is `up` and whose x lies as near as can be to `across`."""
    y = rotation.normalize(up)
    x = rotation.normalize(across - np.sum(across * y, axis=-1, keepdims=True) * y)
    return rotation.from_matrix(np.stack((x, y, np.cross(x, y)), axis=-1))


def yaw_only(frames: Array) -> Array:
    """The heading (..., 4) of a rotation: what it does to the horizontal plane; for a frame on end, of its x axis."""
    across = rotation.rotate(frames, np.array([1.0, 0.0, 0.0]))
    return rotation.about_axis("y", np.arctan2(-across[..., 2], across[..., 0]))


def flat_frame(forward: Array) -> Array:
    """The upright rotation (..., 4) that faces along the horizontal part of `forward` (..., 3)."""
    return rotation.about_axis("y", np.arctan2(forward[..., 0], forward[..., 2]))


def limb_frames(points: Points, side: str, parent: Array | dict[str, Array], skeleton: Skeleton) -> Points:
    """Rotations (..., 4) of thigh, shank, upper arm, forearm: the smallest swing from the parent that fits the bone."""
    frames: Points = {}
    for upper, lower, end in LIMBS:
        above = parent[upper] if isinstance(parent, dict) else parent
        for start, stop in ((upper, lower), (lower, end)):
            rest = skeleton.offsets[skeleton.index(f"{side}_{stop}")].astype(float)
            now = rotation.normalize(points[f"{side}_{stop}"] - points[f"{side}_{start}"])
            swing = rotation.between(rest, rotation.rotate(rotation.inverse(above), now))
            above = frames[f"{side}_{start}"] = rotation.multiply(above, swing)
    return frames


def hinge_axis(points: Points, side: str, upper: str) -> tuple[Array, Array]:
    """Axis (..., 3) about which knee or elbow bends, and the sine (...) of the bend: both bones' cross product."""
    start, middle, end = next(limb for limb in LIMBS if limb[0] == upper)
    first = rotation.normalize(points[f"{side}_{middle}"] - points[f"{side}_{start}"])
    second = rotation.normalize(points[f"{side}_{end}"] - points[f"{side}_{middle}"])
    cross = np.cross(first, second)
    return rotation.normalize(cross), np.linalg.norm(cross, axis=-1)


def mean_rotation(quaternions: Array, weights: Array, robust: bool = False) -> Array:
    """Weighted mean (4,) of rotations (N, 4); `robust` gives rotations far from the mean less weight, five rounds."""
    current = weights.astype(float)
    for _ in range(6 if robust else 1):
        scatter = np.einsum("n,ni,nj->ij", current, quaternions, quaternions)
        mean = np.linalg.eigh(scatter)[1][:, -1]
        angle = 2 * np.arccos(np.clip(np.abs(quaternions @ mean), 0.0, 1.0))
        current = weights / (1.0 + (angle / np.radians(6)) ** 2)
    return mean * (1.0 if mean[0] >= 0 else -1.0)


def aim(turn: Array, along: Array, direction: Array) -> Array:
    """`turn` (T, 4) with the smallest swing that lays the bone `along` (3,) of its frame on `direction` (T, 3)."""
    return rotation.multiply(rotation.between(rotation.rotate(turn, along), direction), turn)
