"""The first guess: bone lengths from the world landmarks, poses by the retargeting's inverse kinematics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import local_rotations
from infinitedance_cli.motion.retarget.canonical import Pose as RolePose
from infinitedance_cli.motion.retarget.canonical import RoleMotion
from infinitedance_cli.motion.retarget.solve import solve
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton
from infinitedance_cli.stages.capture.fitting.camera import Pinhole, locate
from infinitedance_cli.stages.capture.fitting.evidence import Sight, ray_frames
from infinitedance_cli.stages.capture.fitting.points import (
    BODY_LANDMARKS,
    SEGMENTS,
    VECTORS,
    point_model,
    world_lengths,
)
from infinitedance_cli.stages.capture.fitting.pose_model import GROUPS, Person

FloatArray = NDArray[np.floating]

SIZE_SPREAD, SHAPE_SPREAD = 0.06, 0.06
"""Standard deviations of the logarithms of a person's size and of each part's length beside it."""
_MEASURE_SPREAD = 0.05
_HELD = 1e8
_HEIGHT = 1.735
"""How tall the default body is, metres: the open body's mesh."""
_STATURE = {"trunk": 0.27, "head": 0.15, "thigh": 0.26, "shank": 0.26, "foot": 0.06}
_MEASURED_BY = {
    "trunk": ("left trunk", "right trunk"),
    "hips": ("hips",),
    "shoulders": ("shoulders",),
    "head": ("ears",),
    "upper_arm": ("left upper arm", "right upper arm"),
    "forearm": ("left forearm", "right forearm"),
    "hand": ("left palm", "right palm"),
    "thigh": ("left thigh", "right thigh"),
    "shank": ("left shank", "right shank"),
    "foot": ("left foot", "right foot"),
}
_ROLES = {
    **{f"{side}_{name}": 11 + 2 * place + second for place, name in enumerate(("shoulder", "elbow", "wrist"))
       for second, side in enumerate(("left", "right"))},
    **{f"{side}_{name}": 23 + 2 * place + second for place, name in enumerate(("hip", "knee", "ankle"))
       for second, side in enumerate(("left", "right"))},
    "left_foot": 31, "right_foot": 32,
}  # fmt: skip


def size_precision() -> FloatArray:
    """Precision (10, 10) of the logarithms of the parts' lengths before anything is seen."""
    count = len(SEGMENTS)
    spread = SIZE_SPREAD**2 * np.ones((count, count)) + SHAPE_SPREAD**2 * np.eye(count)
    precision: FloatArray = np.linalg.inv(spread)
    return precision


def held_size() -> FloatArray:
    """Precision (10, 10) that holds the body's height: pictures tell the shape, but not how large and far a body is."""
    share = np.array([_STATURE.get(segment, 0.0) for segment in SEGMENTS])
    return np.outer(share, share) * _HELD


def first_scales(sight: Sight, height_m: float | None) -> FloatArray:
    """Logarithms (10,) of the parts' lengths over the default skeleton's: medians, drawn towards what people are like.

    A known `height_m` sets the size; the shape stays.
    """
    seen = np.linalg.norm(np.einsum("bl,tlc->tbc", point_model().vectors, sight.world), axis=-1)
    names = [name for name, _ in VECTORS]
    measured, precision = np.zeros(len(SEGMENTS)), np.zeros(len(SEGMENTS))
    for place, segment in enumerate(SEGMENTS):
        ratios = []
        for row in (names.index(name) for name in _MEASURED_BY[segment]):
            points = np.flatnonzero(point_model().vectors[row])
            ratios.append(seen[(sight.trust[:, points] > 0.3).all(axis=1), row] / world_lengths()[place])
        found = np.concatenate(ratios)
        found = found[found > 0]
        if len(found):
            measured[place] = np.log(np.median(found))
            precision[place] = 1 / _MEASURE_SPREAD**2
    scales: FloatArray = np.linalg.solve(size_precision() + np.diag(precision), precision * measured)
    if height_m is not None:
        scales = scales + np.log(height_m / (_HEIGHT * np.exp(_stature(scales))))
    return scales


def _stature(scales: FloatArray) -> float:
    """The logarithm of the body's height over the default one's."""
    return float(sum(share * scales[SEGMENTS.index(name)] for name, share in _STATURE.items()))


def first_pose(sight: Sight, camera: Pinhole, scales: FloatArray) -> Person:
    """Root and rotations of every frame from the world landmarks; frames without any are taken from those around."""
    axes = ray_frames(sight, camera)
    turned = sight.world @ np.swapaxes(axes, 1, 2)
    seen = sight.trust[:, :BODY_LANDMARKS].sum(axis=1) > 0
    size = float(np.exp(_stature(scales)))
    place = locate(
        turned[:, :BODY_LANDMARKS] * size, sight.image[:, :BODY_LANDMARKS], sight.trust[:, :BODY_LANDMARKS], camera
    )
    world: FloatArray = _filled(turned, seen)
    place = _filled(place, np.all(np.isfinite(place), axis=1))
    points: dict[str, FloatArray] = {role: world[:, point] for role, point in _ROLES.items()}
    points["head"] = world[:, 7:9].mean(axis=1)
    points["neck"] = world[:, 11:13].mean(axis=1)
    for side, (index, pinky) in (("left", (19, 17)), ("right", (20, 18))):
        points[f"{side}_hand_tip"] = 0.5 * (world[:, index] + world[:, pinky])
    skeleton = default_skeleton(BODY_JOINT_COUNT)
    motion = RoleMotion("", 30.0, len(world), RolePose(points, {}), None, 1.0, {})
    root, turns = solve(motion, {}, skeleton)
    return Person(scales.copy(), root + place, _grouped(local_rotations(skeleton, turns)))


def _grouped(local: FloatArray) -> FloatArray:
    """Local rotations (T, 22, 4) with those of each group made equal, and the toes at rest."""
    result = np.zeros_like(local)
    result[..., 0] = 1.0
    for joints in GROUPS:
        total = local[:, joints[0]]
        for joint in joints[1:]:
            total = rotation.multiply(total, local[:, joint])
        share = np.full(len(local), 1 / len(joints))
        unit = np.broadcast_to(rotation.identity().astype(float), total.shape)
        result[:, joints] = rotation.slerp(unit, total, share)[:, None]
    return result


def _filled(values: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """`values` (T, ...) with the frames that are not `known` drawn linearly between those that are."""
    if known.all() or not known.any():
        return np.nan_to_num(values)
    frames = np.arange(len(values))
    flat = values.reshape(len(values), -1)
    columns = [np.interp(frames, frames[known], column[known]) for column in flat.T]
    return np.stack(columns, axis=1).reshape(values.shape)
