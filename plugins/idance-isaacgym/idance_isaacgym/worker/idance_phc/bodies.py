"""The 24 bodies, and the way between a clip of SMPL-X's 22 joints, y up, and PHC's bodies, z up."""

from __future__ import annotations

import torch
from torch import Tensor

from . import rotations

BODY_NAMES = (
    *("Pelvis", "L_Hip", "L_Knee", "L_Ankle", "L_Toe", "R_Hip", "R_Knee", "R_Ankle", "R_Toe"),
    *("Torso", "Spine", "Chest", "Neck", "Head"),
    *("L_Thorax", "L_Shoulder", "L_Elbow", "L_Wrist", "L_Hand"),
    *("R_Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "R_Hand"),
)
"""The order of bodies, and, but for the first, of joints; each joint has three degrees of freedom, 69 in all."""

PARENTS = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 12, 11, 14, 15, 16, 17, 11, 19, 20, 21, 22)

SMPL_JOINT = (0, 1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12, 15, 13, 16, 18, 20, 22, 14, 17, 19, 21, 23)
"""For each body its joint of SMPL; the first 22 of those are SMPL-X's, 22 and 23 are the hands."""

CLIP_JOINTS = 22
BODY_COUNT, JOINT_COUNT = 24, 23
DEGREES_OF_FREEDOM = 3 * JOINT_COUNT
RESET_BODIES = tuple(index for index, name in enumerate(BODY_NAMES) if not name.endswith(("Ankle", "Toe")))
"""The bodies whose distance from the reference tells a fall; feet may slip."""

FOOT_BODIES = (("L_Ankle", "L_Toe"), ("R_Ankle", "R_Toe"))

# y up and +z forward become z up and +x forward: (x, y, z) → (z, x, y). Rest frames are aligned with the world on both
# sides, so the vector part of a quaternion is turned in the same way.
_TO_Z_UP, _TO_Y_UP = (2, 0, 1), (1, 2, 0)


def to_z_up(vectors: Tensor) -> Tensor:
    """Vectors (..., 3) of a clip in PHC's world."""
    return vectors[..., _TO_Z_UP]


def to_y_up(vectors: Tensor) -> Tensor:
    """Vectors (..., 3) of PHC's world in a clip."""
    return vectors[..., _TO_Y_UP]


def from_clip_rotation(joint_rotation: Tensor) -> Tensor:
    """Local rotations of a clip, (T, 22, 4) as (w, x, y, z), as those of the 24 bodies; hands follow their wrists."""
    turned = torch.cat((to_z_up(joint_rotation[..., 1:]), joint_rotation[..., :1]), dim=-1)
    hands = torch.zeros_like(turned[..., :2, :])
    hands[..., 3] = 1
    return torch.cat((turned, hands), dim=-2)[..., SMPL_JOINT, :]


def to_clip_rotation(local_rotation: Tensor) -> Tensor:
    """Local rotations (T, 24, 4) of the bodies as those of a clip, (T, 22, 4) as (w, x, y, z)."""
    places = [SMPL_JOINT.index(joint) for joint in range(CLIP_JOINTS)]
    chosen = local_rotation[..., places, :]
    return torch.cat((chosen[..., 3:], to_y_up(chosen[..., :3])), dim=-1)


def forward_kinematics(offsets: Tensor, root_position: Tensor, local_rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (..., 24, 3) and rotations (..., 24, 4) of the bodies in the world.

    `offsets` (24, 3) metres from the parent, `root_position` (..., 3), `local_rotation` (..., 24, 4).
    """
    positions, turns = [root_position], [local_rotation[..., 0, :]]
    for body in range(1, BODY_COUNT):
        parent = PARENTS[body]
        positions.append(positions[parent] + rotations.rotate(turns[parent], offsets[body]))
        turns.append(rotations.multiply(turns[parent], local_rotation[..., body, :]))
    return torch.stack(positions, dim=-2), torch.stack(turns, dim=-2)


def local_rotations(world_rotation: Tensor) -> Tensor:
    """World rotations (..., 24, 4) as rotations local to the parent; the first stays."""
    parents = world_rotation[..., PARENTS[1:], :]
    local = rotations.multiply(rotations.conjugate(parents), world_rotation[..., 1:, :])
    return torch.cat((world_rotation[..., :1, :], local), dim=-2)
