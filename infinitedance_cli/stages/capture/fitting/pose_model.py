"""The skeleton's landmarks and how they move with every joint, bone length and step of the root: positions, Jacobians.

Rotations are stepped on the right: a step δ (3,) of a joint turns it by exp(δ) in its own frame, before the rest of its
rotation. So ∂p/∂δ = −[p − p_joint]× R_joint for every point p below the joint (R its world rotation).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, Skeleton, default_skeleton
from infinitedance_cli.stages.capture.fitting.points import LANDMARKS, SEGMENTS, PointModel, point_model

FloatArray = NDArray[np.floating]

MOVED_TOGETHER = (("spine1", "spine2", "spine3"), ("neck", "head"))
"""Joints that share one rotation: landmarks do not tell them apart."""
_STILL = ("left_foot", "right_foot")


def _groups() -> tuple[tuple[int, ...], ...]:
    together = {name: group for group in MOVED_TOGETHER for name in group}
    found: list[tuple[int, ...]] = []
    for name in SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT]:
        names = together.get(name, (name,))
        if name == names[0] and name not in _STILL:
            found.append(tuple(SMPLX_JOINT_NAMES.index(other) for other in names))
    return tuple(found)


GROUPS = _groups()
"""Joints by rotation: one unknown rotation (three numbers) for each group."""
POSE_SIZE = 3 + 3 * len(GROUPS)
"""Unknowns of a frame: the root's position and the rotations of `GROUPS`."""


@dataclass
class Person:
    """The person at the present step of the fit: `scales` (10,) of `SEGMENTS`, natural logarithms; `root` (T, 3) metres
    and `local` (T, 22, 4) rotations in the reference camera's axes, y up (x right, z towards the camera)."""

    scales: FloatArray
    root: FloatArray
    local: FloatArray
    points: PointModel = field(default_factory=point_model)

    def skeleton(self) -> Skeleton:
        """The default skeleton's first 22 joints with this person's bone lengths."""
        return scaled_skeleton(self.scales, BODY_JOINT_COUNT)

    def point_offsets(self) -> FloatArray:
        """Offsets (L, 3) of the landmarks from the joints that carry them."""
        return self.points.offset * np.exp(self.scales)[self.points.segment][:, None]

    def pose(self) -> Pose:
        """Where joints and landmarks are."""
        positions, world = forward_kinematics(self.skeleton(), self.root, self.local)
        carried = rotation.rotate(world[:, self.points.joint], self.point_offsets())
        return Pose(positions, world, positions[:, self.points.joint] + carried)

    def step(self, change: FloatArray) -> None:
        """Moves root and joints by `change` (T, POSE_SIZE)."""
        self.root = self.root + change[:, :3]
        local = self.local.copy()
        turns = rotation.from_axis_angle(change[:, 3:].reshape(len(change), len(GROUPS), 3))
        for group, joints in enumerate(GROUPS):
            local[:, joints] = rotation.multiply(self.local[:, joints], turns[:, group, None])
        self.local = rotation.normalize(local)


@dataclass(frozen=True)
class Pose:
    """World joint positions (T, 22, 3) and rotations (T, 22, 4), landmarks `seen` (T, L, 3), metres."""

    positions: FloatArray
    world: FloatArray
    seen: FloatArray


def scaled_skeleton(scales: FloatArray, joint_count: int) -> Skeleton:
    """The default skeleton with bones by `scales` (10,), logarithms by `SEGMENTS`; soles at height 0 at rest."""
    rest = default_skeleton(joint_count)
    factor = np.full(joint_count, np.exp(scales[SEGMENTS.index("hand")]))
    factor[:BODY_JOINT_COUNT] = np.exp(scales)[point_model().joint_segment]
    if joint_count > BODY_JOINT_COUNT:
        factor[[SMPLX_JOINT_NAMES.index(name) for name in ("jaw", "left_eye_smplhf", "right_eye_smplhf")]] = np.exp(
            scales[SEGMENTS.index("head")]
        )
    offsets = rest.offsets * factor[:, None]
    ankle = SMPLX_JOINT_NAMES.index("left_ankle")
    sole = float(rest.rest_positions()[ankle, 1]) * np.exp(scales[SEGMENTS.index("foot")])
    offsets[0] = (0.0, 0.0, 0.0)
    leg = offsets[1] + offsets[4] + offsets[7]
    offsets[0, 1] = sole - leg[1]
    return Skeleton(rest.joint_names, rest.parents, offsets.astype(np.float32))


@lru_cache
def rest_lengths() -> FloatArray:
    """Lengths (B,) in metres of `points.VECTORS` on the default body at rest."""
    rest = rotation.identity(1, BODY_JOINT_COUNT).astype(np.float64)
    person = Person(np.zeros(len(SEGMENTS)), np.zeros((1, 3)), rest)
    lengths: FloatArray = np.linalg.norm(point_model().vectors @ person.pose().seen[0], axis=-1)
    return lengths


class Jacobian:
    """The derivatives of landmarks; what does not change from step to step is worked out once."""

    def __init__(self, points: PointModel) -> None:
        parents = default_skeleton(BODY_JOINT_COUNT).parents
        above = [_chain(int(joint), parents) for joint in points.joint]
        self.waves: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]] = []
        for wave in range(max(len(group) for group in GROUPS)):
            found = [
                (point, group, joints[wave])
                for point in range(LANDMARKS)
                for group, joints in enumerate(GROUPS)
                if wave < len(joints) and joints[wave] in above[point]
            ]
            point, group, joint = np.array(found, dtype=np.intp).T
            self.waves.append((point, group, joint))
        self.membership = self._membership(points, above)
        self.parents = np.array(parents[1:], dtype=np.intp)
        self.carrier = points.joint

    @staticmethod
    def _membership(points: PointModel, above: list[tuple[int, ...]]) -> FloatArray:
        """(L·S, 21 + L): which links (bones, then the landmarks' own) grow a landmark's place by each segment."""
        table = np.zeros((LANDMARKS, len(SEGMENTS), BODY_JOINT_COUNT - 1 + LANDMARKS))
        for point, chain in enumerate(above):
            for joint in chain[:-1]:
                table[point, points.joint_segment[joint], joint - 1] = 1.0
            table[point, points.segment[point], BODY_JOINT_COUNT - 1 + point] = 1.0
        return table.reshape(LANDMARKS * len(SEGMENTS), -1)

    def by_pose(self, pose: Pose) -> FloatArray:
        """∂ landmarks (T, L, 3) / ∂ step (T, POSE_SIZE): (T, L, 3, POSE_SIZE)."""
        frames = len(pose.positions)
        table = np.zeros((frames, LANDMARKS, len(GROUPS), 3, 3))
        axes = rotation.to_matrix(pose.world)
        for point, group, joint in self.waves:
            arm = (pose.seen[:, point] - pose.positions[:, joint])[:, :, :, None]
            turned = axes[:, joint]
            # The cross product of each axis (a column of the joint's matrix) with the arm, written out for speed.
            cross = np.empty_like(turned)
            cross[:, :, 0] = turned[:, :, 1] * arm[:, :, 2] - turned[:, :, 2] * arm[:, :, 1]
            cross[:, :, 1] = turned[:, :, 2] * arm[:, :, 0] - turned[:, :, 0] * arm[:, :, 2]
            cross[:, :, 2] = turned[:, :, 0] * arm[:, :, 1] - turned[:, :, 1] * arm[:, :, 0]
            table[:, point, group] += cross
        result = np.empty((frames, LANDMARKS, 3, POSE_SIZE))
        result[..., :3] = np.eye(3)
        result[..., 3:] = np.moveaxis(table, 2, 3).reshape(frames, LANDMARKS, 3, -1)
        return result

    def by_scales(self, pose: Pose) -> FloatArray:
        """∂ landmarks / ∂ logarithms of the segments' lengths: (T, L, 3, 10)."""
        bones = pose.positions[:, 1:] - pose.positions[:, self.parents]
        links = np.concatenate((bones, pose.seen - pose.positions[:, self.carrier]), axis=1)
        grown = (self.membership @ links).reshape(len(links), LANDMARKS, len(SEGMENTS), 3)
        return np.swapaxes(grown, 2, 3)


def _chain(joint: int, parents: tuple[int, ...]) -> tuple[int, ...]:
    """The joint and all above it, the root last."""
    found = [joint]
    while parents[found[-1]] >= 0:
        found.append(parents[found[-1]])
    return tuple(found)
