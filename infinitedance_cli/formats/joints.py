"""Joint positions (`.npy`, (T, J, 3) metres, y up): what plotting code and most motion models exchange.

Written are all joints of the clip, float32. Nothing in such a file tells the frame rate; 30 is taken. Read are 22, 24
(SMPL, with hands) or 55 joints in SMPL-X order. Positions of our own skeleton come back as they were to within float
rounding; those of any other body, unit or up axis are retargeted. No twist of a bone and no finger is in the positions
of a body, so those rest.
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
from infinitedance_cli.motion.features import pose_from_positions
from infinitedance_cli.motion.retarget import SourceMotion, retarget
from infinitedance_cli.motion.skeleton import (
    BODY_JOINT_COUNT,
    SMPLX_JOINT_NAMES,
    SMPLX_PARENTS,
    Skeleton,
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
    """World positions of all joints, (T, J, 3) float32 metres."""
    np.save(file, clip.joint_positions())


def read(path: Path) -> Iterator[MotionClip]:
    """The clip that stands behind the positions of one file. Raises BadInput on another shape or values not finite."""
    expected = "joint positions (T, 22, 24 or 55, 3)"
    positions = read_floats(path, expected)
    if not matches(path) or not len(positions):
        raise BadInput(f"{path}: has shape {positions.shape}; expected {expected}")
    body = positions[:, :BODY_JOINT_COUNT]
    skeleton = default_skeleton(_WHOLE if positions.shape[1] == _WHOLE else BODY_JOINT_COUNT)
    yield _on_own(path.stem, skeleton, body) if _is_own(body) else retarget(_source(path.stem, positions))


def _is_own(body: NDArray[np.float64]) -> bool:
    """True when every bone has the length that it has in our skeleton."""
    skeleton = default_skeleton(BODY_JOINT_COUNT)
    bones = body[:, 1:] - body[:, list(skeleton.parents[1:])]
    lengths = np.linalg.norm(skeleton.offsets[1:], axis=-1)
    return bool(np.abs(np.linalg.norm(bones, axis=-1) - lengths).max() < _SAME_BONE_M)


def _on_own(clip_id: str, skeleton: Skeleton, body: NDArray[np.float64]) -> MotionClip:
    turns, _ = pose_from_positions(skeleton, body)
    joint_rotation = rotation.identity(len(body), skeleton.joint_count)
    joint_rotation[:, :BODY_JOINT_COUNT] = rotation.normalize(rotation.continuous(turns))
    return MotionClip(clip_id, skeleton, FPS, body[:, 0].astype(np.float32), joint_rotation)


def _source(clip_id: str, positions: NDArray[np.float64]) -> SourceMotion:
    """Positions of a foreign body: its bone lengths on the directions of our T-pose."""
    count = positions.shape[1]
    names, parents = SMPLX_JOINT_NAMES[:count], SMPLX_PARENTS[:count]
    if count == BODY_JOINT_COUNT + 2:
        names = (*SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT], *_SMPL_HANDS)
        parents = (*SMPLX_PARENTS[:BODY_JOINT_COUNT], *_SMPL_HANDS.values())
    directions = rotation.normalize(default_skeleton().offsets[:count].astype(np.float64))
    if count != _WHOLE:
        directions[BODY_JOINT_COUNT:] = ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0))[: count - BODY_JOINT_COUNT]
    offsets = np.zeros((count, 3))
    bones = positions[:, 1:] - positions[:, list(parents[1:])]
    offsets[1:] = directions[1:] * np.median(np.linalg.norm(bones, axis=-1), axis=0)[:, None]
    return SourceMotion(clip_id, FPS, names, parents, offsets, positions, rest_is_upright=False)
