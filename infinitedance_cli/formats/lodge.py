"""LODGE's and FineDance's arrays (`.npy`): root and 6-D rotations, y up, 30 fps.

| columns | content |
|---|---|
| 135 | 3 root, 22 × 6 rotations |
| 139 | 4 contacts, then as 135 (LODGE) |
| 315 | 3 root, 52 × 6 rotations: 22 body joints and 30 of the hands (FineDance) |
| 319 | 4 contacts, then as 315 (LODGE) |

The 6-D form holds the first two *rows* of each matrix (pytorch3d's). The root is the pelvis itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._npy import read_floats, shape_of
from infinitedance_cli.formats._peers import PeerMotion, from_rotations
from infinitedance_cli.formats._smplx import SmplMotion, to_clip
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES

EXTENSIONS = (".npy",)
DESCRIPTION = "LODGE and FineDance: root and 6-D rotations (T, 135, 139, 315 or 319) (read)"
FPS = 30.0

_CONTACTS = 4
_WIDTHS = {135: 0, 139: _CONTACTS, 315: 0, 319: _CONTACTS}
_FIRST_HAND = 25


def matches(path: Path) -> bool:
    """True for one array of a known width."""
    shape = shape_of(path)
    return len(shape) == 2 and shape[1] in _WIDTHS


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file on our skeleton, with fingers where it has them. Raises BadInput on another shape."""
    pelvis, turns = _motion(path)
    whole = rotation.identity(len(turns), len(SMPLX_JOINT_NAMES)).astype(np.float64)
    whole[:, :BODY_JOINT_COUNT] = turns[:, :BODY_JOINT_COUNT]
    hands = turns.shape[1] > BODY_JOINT_COUNT
    if hands:
        whole[:, _FIRST_HAND:] = turns[:, BODY_JOINT_COUNT:]
    motion = SmplMotion(whole, pelvis, np.zeros(0, np.float32), "neutral", FPS, hands)
    yield to_clip(path.stem, motion, usual_up="y")


def read_positions(path: Path, rest_joints: NDArray[np.floating] | None = None) -> PeerMotion:
    """Joint positions by forward kinematics, fingers at rest as LODGE's own metrics have them."""
    pelvis, turns = _motion(path)
    return from_rotations(str(path), FPS, pelvis, turns[:, :BODY_JOINT_COUNT], rest_joints)


def _motion(path: Path) -> tuple[NDArray[np.float64], NDArray[np.floating]]:
    """Pelvis (T, 3) and local rotations (T, 22 or 52, 4)."""
    expected = "LODGE or FineDance motion (T, 135, 139, 315 or 319)"
    values = read_floats(path, expected)
    if not matches(path) or not len(values):
        raise BadInput(f"{path}: has shape {values.shape}; expected {expected}")
    values = values[:, _WIDTHS[values.shape[1]] :]
    six = values[:, 3:].reshape(len(values), -1, 6)
    if np.linalg.norm(six[..., :3], axis=-1).min() < 1e-6:
        raise BadInput(f"{path}: a rotation is all zeros; expected the first two rows of rotation matrices")
    return values[:, :3], rotation.from_6d(six, layout="rows")
