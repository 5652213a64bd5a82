"""Joint positions (`.npy`, (T, J, 3) metres, y up): what plotting code and most motion models exchange.

Written are all joints of the clip, float32; of clips that were read or decoded from 264-d features, the 22 joints that
the features say, as the release recovers them. Nothing in such a file tells the frame rate; 30 is taken. Read are 22,
24 (SMPL, with hands) or 55 joints in SMPL-X order. Positions of our own skeleton come back as they were to within float
rounding; those of any other body, unit or up axis are retargeted. Positions do not tell how a bone is twisted: every
bone turns the shortest way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._npy import read_floats, shape_of
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import RELEASE_264, carried_joints, fit_rotation
from infinitedance_cli.motion.kinematics import local_rotations
from infinitedance_cli.motion.retarget import SourceMotion, retarget
from infinitedance_cli.motion.skeleton import (
    BODY_JOINT_COUNT,
    SMPLX_JOINT_NAMES,
    SMPLX_PARENTS,
    default_skeleton,
)

EXTENSIONS = (".npy",)
DESCRIPTION = "joint positions (T, J, 3) with 22, 24 or 55 SMPL-X joints, metres, y up"
FPS = 30.0

_WHOLE = len(SMPLX_JOINT_NAMES)
_SMPL_HANDS = {"left_hand": 20, "right_hand": 21}
_SAME_BONE_M = 2e-3


def matches(path: Path) -> bool:
    """True for one array (T, 22, 24 or 55, 3)."""
    shape = shape_of(path)
    return len(shape) == 3 and shape[1] in (BODY_JOINT_COUNT, BODY_JOINT_COUNT + 2, _WHOLE) and shape[2] == 3


def write(clip: MotionClip, file: BinaryIO) -> None:
    """World positions, (T, J, 3) float32 metres: of all joints, or the 22 of the features that the clip carries."""
    joints = carried_joints(clip, RELEASE_264)
    np.save(file, clip.joint_positions() if joints is None else joints)


def read(path: Path) -> Iterator[MotionClip]:
    """The clip that stands behind the positions of one file. Raises BadInput on another shape or values not finite."""
    expected = "joint positions (T, 22, 24 or 55, 3)"
    positions = read_floats(path, expected)
    if not matches(path) or not len(positions):
        raise BadInput(f"{path}: has shape {positions.shape}; expected {expected}")
    yield clip_of_positions(path.stem, positions)


def clip_of_positions(clip_id: str, positions: NDArray[np.float64], fps: float = FPS) -> MotionClip:
    """The clip that stands behind positions (T, 22, 24 or 55, 3): as they are on our skeleton, else retargeted."""
    is_own = positions.shape[1] in (BODY_JOINT_COUNT, _WHOLE) and _is_own(positions)
    return _on_own(clip_id, positions, fps) if is_own else retarget(_source(clip_id, positions, fps))


def _is_own(positions: NDArray[np.float64]) -> bool:
    """True when every bone has the length that it has in our skeleton."""
    skeleton = default_skeleton(positions.shape[1])
    bones = positions[:, 1:] - positions[:, list(skeleton.parents[1:])]
    lengths = np.linalg.norm(skeleton.offsets[1:], axis=-1)
    return bool(np.abs(np.linalg.norm(bones, axis=-1) - lengths).max() < _SAME_BONE_M)


def _on_own(clip_id: str, positions: NDArray[np.float64], fps: float) -> MotionClip:
    """Rotations that put our skeleton's joints at positions which it can reach: a joint with one child turns the
    shortest way from its parent, one with several is fitted to all of them."""
    skeleton = default_skeleton(positions.shape[1])
    offsets = skeleton.offsets.astype(np.float64)
    world = rotation.identity(len(positions), skeleton.joint_count).astype(np.float64)
    for joint, parent in enumerate(skeleton.parents):
        children = list(skeleton.children(joint))
        if parent >= 0:
            world[:, joint] = world[:, parent]
        bones = positions[:, children] - positions[:, joint, None]
        if len(children) == 1:
            swing = rotation.between(rotation.rotate(world[:, joint], offsets[children[0]]), bones[:, 0])
            world[:, joint] = rotation.multiply(swing, world[:, joint])
        elif children:
            world[:, joint] = fit_rotation(offsets[None, children], bones)
    local = rotation.normalize(rotation.continuous(local_rotations(skeleton, world))).astype(np.float32)
    return MotionClip(clip_id, skeleton, fps, positions[:, 0].astype(np.float32), local)


def _source(clip_id: str, positions: NDArray[np.float64], fps: float) -> SourceMotion:
    """Positions of a foreign body: its bone lengths on the directions of our T-pose."""
    count = positions.shape[1]
    names, parents = SMPLX_JOINT_NAMES[:count], SMPLX_PARENTS[:count]
    directions = rotation.normalize(default_skeleton().offsets[:count].astype(np.float64))
    if count == BODY_JOINT_COUNT + 2:
        names = (*SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT], *_SMPL_HANDS)
        parents = (*SMPLX_PARENTS[:BODY_JOINT_COUNT], *_SMPL_HANDS.values())
        directions[BODY_JOINT_COUNT:] = ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0))
    offsets = np.zeros((count, 3))
    bones = positions[:, 1:] - positions[:, list(parents[1:])]
    offsets[1:] = directions[1:] * np.median(np.linalg.norm(bones, axis=-1), axis=0)[:, None]
    return SourceMotion(clip_id, fps, names, parents, offsets, positions, rest_is_upright=False)
