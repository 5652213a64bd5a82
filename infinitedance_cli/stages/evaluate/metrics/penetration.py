"""Does the body go through the floor, or through itself? No public definition exists; this one is ours.

`VERTICES` vertices of the open body's skin, spread evenly, are followed at 10 frames a second. A vertex penetrates the
floor when it is more than 5 mm below it, and the body when it lies more than 1 cm inside another part of the body that
is no neighbour (a hand in a thigh, not a forearm in its upper arm). A part is taken as rigid, and as filling what is
inside the nearest skin around its axis. The penetration rate is the share of all vertices, over all frames, that do
either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.body.mesh import skin
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.stages.evaluate.metrics.body_parts import PartedBody, parted_body

FLOOR_DEPTH_M = 0.005
"""Deeper below the floor than this is penetration: soft soles and rounding are not."""
RATE_HZ = 10.0

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Penetration:
    """Penetration of one dance: shares of vertices in the floor, in the body, and in either (`rate`).

    `floor_frames` share of frames with any vertex in the floor, and `floor_depth_mm` the mean depth of the deepest
    vertex over those frames (0 without any).
    """

    rate: float
    floor: float
    body: float
    floor_frames: float
    floor_depth_mm: float


def penetration(root_position: FloatArray, joint_rotation: FloatArray) -> Penetration:
    """Penetration of the open body in a pose sequence over the floor y = 0.

    `root_position` (T, 3) metres and `joint_rotation` (T, J, 4) local, J 22 or 55, already at the rate to look at.
    """
    body = parted_body()
    vertices = skin(body.mesh, root_position, joint_rotation)
    below = vertices[..., 1] < -FLOOR_DEPTH_M
    inside = inside_body(body, vertices, root_position, joint_rotation)
    lowest = -vertices[..., 1].min(axis=1)
    frames = lowest > FLOOR_DEPTH_M
    depth = float(lowest[frames].mean() * 1000) if frames.any() else 0.0
    return Penetration(
        rate=float((below | inside).mean()),
        floor=float(below.mean()),
        body=float(inside.mean()),
        floor_frames=float(frames.mean()),
        floor_depth_mm=depth,
    )


def inside_body(
    body: PartedBody, vertices: FloatArray, root_position: FloatArray, joint_rotation: FloatArray
) -> NDArray[np.bool_]:
    """Which of the sampled `vertices` (T, V, 3) lie inside a part of the body that is not theirs nor a neighbour."""
    skeleton, used = body.mesh.skeleton, joint_rotation.shape[1]
    positions, rotations = forward_kinematics(skeleton.first(used), root_position, joint_rotation)
    rest = skeleton.rest_positions()
    joints = [part.joint for part in body.parts]
    turns = rotation.to_matrix(rotations[:, joints]).astype(np.float32)
    centres = np.stack([part.centre - rest[part.joint] for part in body.parts])
    placed = positions[:, joints] + (turns @ centres[:, :, None])[..., 0]
    result = np.zeros(vertices.shape[:2], dtype=bool)
    for i, j in body.pairs:
        one, other = body.parts[i], body.parts[j]
        distance = np.linalg.norm(placed[:, i] - placed[:, j], axis=-1)
        frames = np.flatnonzero(distance < one.reach + other.reach)
        if not len(frames):
            continue
        points = vertices[frames, one.rows] - positions[frames, None, other.joint]
        # Rows times a rotation matrix turn by its inverse: back into the rest pose of the other part.
        local = points @ turns[frames, j] + rest[other.joint]
        held = other.holds(local.reshape(-1, 3)).reshape(local.shape[:2])
        result[frames, one.rows] |= held
    return result
