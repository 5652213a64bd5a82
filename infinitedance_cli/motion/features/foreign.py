"""Bring joints of a foreign clip to the release's frame: uniform skeleton, floor, origin, facing (extraction 1-4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.features.heading import facing_angle, turn
from infinitedance_cli.motion.skeleton import SMPLX_PARENTS

FloatArray = NDArray[np.floating]

HUMANML_BONE_LENGTHS = np.array(
    [0.0, 0.0996, 0.1096, 0.1302, 0.3879, 0.3854, 0.1404, 0.4282, 0.4197, 0.0561, 0.1389, 0.1479]
    + [0.2143, 0.1360, 0.1415, 0.1016, 0.1323, 0.1225, 0.2511, 0.2595, 0.2541, 0.2443]
)
"""Lengths (22,) in metres of the bone that ends in each joint of HumanML3D's one skeleton (± 1 mm)."""

_R_KNEE, _R_ANKLE = 5, 8


def to_uniform_skeleton(positions: FloatArray, bone_lengths: FloatArray = HUMANML_BONE_LENGTHS) -> FloatArray:
    """Positions (T, 22, 3) with every bone's direction kept and its length set to `bone_lengths` (22,).

    The pelvis path is scaled by the ratio of leg lengths (right knee + right ankle bones), measured at frame 0.
    """
    joints = positions.astype(np.float64)
    bones = joints[:, 1:] - joints[:, SMPLX_PARENTS[1:22]]
    lengths = np.linalg.norm(bones, axis=-1, keepdims=True)
    directions = bones / np.maximum(lengths, 1e-9)
    source_leg = lengths[0, _R_KNEE - 1, 0] + lengths[0, _R_ANKLE - 1, 0]
    result = np.empty_like(joints)
    result[:, 0] = joints[:, 0] * (bone_lengths[_R_KNEE] + bone_lengths[_R_ANKLE]) / source_leg
    for joint in range(1, joints.shape[1]):
        result[:, joint] = result[:, SMPLX_PARENTS[joint]] + bone_lengths[joint] * directions[:, joint - 1]
    return result


def to_floor(positions: FloatArray) -> FloatArray:
    """Positions (T, J, 3) lowered or raised so that the lowest joint of the whole clip is at y = 0."""
    grounded: FloatArray = positions - np.array([0.0, positions[..., 1].min(), 0.0])
    return grounded


def to_origin(positions: FloatArray) -> FloatArray:
    """Positions (T, J, 3) moved so that the pelvis starts above the origin."""
    centred: FloatArray = positions - positions[0, 0] * np.array([1.0, 0.0, 1.0])
    return centred


def to_facing(positions: FloatArray) -> FloatArray:
    """Positions (T, J, 3) turned about the origin so that the dancer faces +Z at frame 0."""
    return turn(positions, facing_angle(positions))


def to_release_frame(positions: FloatArray, *, uniform: bool = False) -> FloatArray:
    """Floor, origin and facing of `positions` (T, 22, 3), on HumanML3D's bone lengths where `uniform`."""
    joints: FloatArray = positions.astype(np.float64)
    if uniform:
        joints = to_uniform_skeleton(joints)
    return to_facing(to_origin(to_floor(joints)))
