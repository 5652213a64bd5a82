"""What is drawn: a coloured triangle mesh bound to joints."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.retarget.hands import relaxed_hands
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES

SHADOW_CELL = 0.035
"""Edge in metres of the cubes in which the vertices of the shadow's mesh are merged: finer than the shadow is soft."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A mesh in its rest pose (metres, y up, facing +Z) and the joints that carry it.

    `vertices`, `normals` (V, 3) float32; `faces` (F, 3) int32, counter-clockwise from outside; `joint_indices`,
    `joint_weights` (V, 4), weights sum to one; `rest_positions` (J, 3), where each joint is in the rest pose;
    `colours` (V, 4) float32 in 0..1: red, green, blue, and how much of the take's colour is multiplied in.
    """

    vertices: NDArray[np.float32]
    normals: NDArray[np.float32]
    faces: NDArray[np.int32]
    joint_indices: NDArray[np.uint8]
    joint_weights: NDArray[np.float32]
    rest_positions: NDArray[np.float32]
    colours: NDArray[np.float32]

    def coarse(self, cell: float = SHADOW_CELL) -> Figure:
        """A figure of fewer vertices for shadows: those of a joint in each cube of edge `cell` become one."""
        cubes = np.floor(self.vertices / cell).astype(np.int64)
        keys = np.column_stack((cubes, self.joint_indices[:, 0]))
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        faces = inverse.reshape(-1)[self.faces].astype(np.int32)
        a, b, c = faces.T
        return replace(
            self,
            vertices=self.vertices[first],
            normals=self.normals[first],
            faces=faces[(a != b) & (b != c) & (c != a)],
            joint_indices=self.joint_indices[first],
            joint_weights=self.joint_weights[first],
            colours=self.colours[first],
        )


def vertex_normals(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> NDArray[np.float32]:
    """Unit normals (V, 3), the mean of those of the faces around each vertex by their area."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros_like(vertices, dtype=np.float64)
    for corner in range(3):
        np.add.at(total, faces[:, corner], across)
    return rotation.normalize(total + 1e-12).astype(np.float32)


def joint_matrices(figure: Figure, clip: MotionClip) -> NDArray[np.float32]:
    """Matrices (T, J, 3, 4) that take a point of the figure's rest pose along with each joint.

    Bone lengths are the clip's own: a mesh of other proportions is carried along joint by joint. A clip without hands
    gets relaxed ones on a figure that has them.
    """
    clip_with_hands = _with_relaxed_hands(clip, len(figure.rest_positions))
    positions, world = forward_kinematics(
        clip_with_hands.skeleton, clip_with_hands.root_position, clip_with_hands.joint_rotation
    )
    turns = rotation.to_matrix(world)
    shifts = positions - (turns @ figure.rest_positions[:, :, None])[..., 0]
    return np.concatenate((turns, shifts[..., None]), axis=-1).astype(np.float32)


def _with_relaxed_hands(clip: MotionClip, joints: int) -> MotionClip:
    from infinitedance_cli.motion.resample import with_joint_count

    if clip.skeleton.joint_count == joints:
        return clip
    full = with_joint_count(clip, joints)
    if clip.skeleton.joint_count == BODY_JOINT_COUNT and joints == len(SMPLX_JOINT_NAMES):
        hands = relaxed_hands()
        for side in ("left", "right"):
            first = SMPLX_JOINT_NAMES.index(f"{side}_index1")
            full.joint_rotation[:, first : first + len(hands[side])] = hands[side]
    return full
