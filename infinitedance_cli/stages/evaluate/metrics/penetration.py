"""Does the body go through the floor, or through itself? No public definition exists; this one is ours.

`VERTICES` vertices of the open body's skin, spread evenly, are followed at 10 frames a second. A vertex penetrates the
floor when it is more than 5 mm below it, and the body when it lies more than 1 cm inside another part of the body that
is no neighbour (a hand in a thigh, not a forearm in its upper arm). A part is taken as rigid, and as filling what is
inside the nearest skin around its axis, which lets vertices near the skin go. The penetration rate is the share of all
vertices, over all frames, that do either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.stages.evaluate.metrics.body_parts import VERTICES, PartedBody, parted_body

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
    placed = place(body, root_position, joint_rotation)
    below = placed.vertices[:, :VERTICES, 1] < -FLOOR_DEPTH_M
    inside = inside_body(body, placed)
    lowest = -placed.vertices[..., 1].min(axis=1)
    frames = lowest > FLOOR_DEPTH_M
    depth = float(lowest[frames].mean() * 1000) if frames.any() else 0.0
    return Penetration(
        rate=float((below | inside).mean()),
        floor=float(below.mean()),
        body=float(inside.mean()),
        floor_frames=float(frames.mean()),
        floor_depth_mm=depth,
    )


@dataclass(frozen=True, eq=False)
class Placed:
    """The parted body in T poses: the `vertices` (T, V, 3) of its mesh, and `turns` (T, P, 3, 3) and `shifts` (T, P, 3)
    that take each part from the rest pose to the world."""

    vertices: NDArray[np.float32]
    turns: NDArray[np.float32]
    shifts: NDArray[np.float32]


def place(body: PartedBody, root_position: FloatArray, joint_rotation: FloatArray) -> Placed:
    """Skin (linear blend) and parts of the body in every frame; joints that are missing stay at rest."""
    skeleton, frames = body.mesh.skeleton, len(root_position)
    rest = skeleton.rest_positions()
    whole = rotation.identity(frames, skeleton.joint_count)
    whole[:, : joint_rotation.shape[1]] = joint_rotation
    positions, rotations = forward_kinematics(skeleton, root_position.astype(np.float32), whole)
    turns = rotation.to_matrix(rotations).astype(np.float32)
    shifts = (positions - (turns @ rest[:, :, None])[..., 0]).astype(np.float32)
    transforms = np.concatenate((turns, shifts[..., None]), axis=-1)
    rows = np.moveaxis(transforms, 2, 1).reshape(3 * frames, -1)
    vertices = np.moveaxis((rows @ body.mesh.binding).reshape(frames, 3, -1), 1, 2)
    joints = [part.joint for part in body.parts]
    return Placed(np.ascontiguousarray(vertices), turns[:, joints], shifts[:, joints])


def inside_body(body: PartedBody, placed: Placed) -> NDArray[np.bool_]:
    """Which counted vertices (T, `VERTICES`) lie inside a part of the body that is not theirs nor a neighbour."""
    result = np.zeros((len(placed.vertices), VERTICES), dtype=bool)
    rest_centres = np.stack([part.centre for part in body.parts])
    reach = np.array([part.reach for part in body.parts], dtype=np.float32)
    centres = (placed.turns @ rest_centres[:, :, None])[..., 0] + placed.shifts
    for i, j in body.pairs:
        between = centres[:, i] - centres[:, j]
        frames = np.flatnonzero(np.einsum("tc,tc->t", between, between) < (reach[i] + reach[j]) ** 2)
        if not len(frames):
            continue
        rows, other = body.parts[i].rows, body.parts[j]
        points = placed.vertices[frames, rows] - placed.shifts[frames, None, j]
        # Rows times a rotation matrix turn by its inverse: back into the rest pose of the other part.
        local = (points @ placed.turns[frames, j]).reshape(-1, 3)
        result[frames, rows] |= other.holds(local).reshape(len(frames), -1)
    return result
