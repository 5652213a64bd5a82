"""EDGE's motions (`.pkl`): `smpl_poses` (T, 72), `smpl_trans` (T, 3) and, of its own dances, `full_pose` (T, 24, 3).

The world has z up; `smpl_trans` is the pelvis itself; 30 fps. POPDG and others write the same fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._arrays import Arrays, keys_of
from infinitedance_cli.formats._peers import Z_UP_TO_Y_UP, PeerMotion, from_positions, from_rotations
from infinitedance_cli.formats._smplx import SmplMotion, from_parameters, to_clip
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT

EXTENSIONS = (".pkl",)
DESCRIPTION = "EDGE's dances: SMPL poses and positions, z up (read)"
FPS = 30.0

_POSES, _TRANSLATION, _POSITIONS, _AISTPP = "smpl_poses", "smpl_trans", "full_pose", "smpl_scaling"


def matches(path: Path) -> bool:
    """True for a pickle of arrays with EDGE's fields and without AIST++'s scaling."""
    keys = keys_of(path)
    return _AISTPP not in keys and ({_POSES, _TRANSLATION} <= keys or _POSITIONS in keys)


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file on our skeleton. Raises BadInput when fields are missing or have other shapes."""
    rotations, translation = _parameters(Arrays(path))
    motion = SmplMotion(rotations, translation, np.zeros(0, np.float32), "neutral", FPS, hands=False)
    yield to_clip(path.stem, motion, usual_up="z")


def read_positions(path: Path, rest_joints: NDArray[np.floating] | None = None) -> PeerMotion:
    """Joint positions (T, 24, 3) as EDGE wrote them, turned to y up; from the rotations where it wrote none."""
    data = Arrays(path)
    pelvis = body = None
    if not data.keys & {_POSITIONS, _POSES}:
        raise BadInput(f"{path}: no {_POSITIONS} or {_POSES} in it; expected a dance of EDGE")
    if _POSES in data.keys:
        rotations, translation = _parameters(data)
        pelvis, body = rotation.rotate(Z_UP_TO_Y_UP, translation), rotations[:, :BODY_JOINT_COUNT].copy()
        body[:, 0] = rotation.multiply(np.broadcast_to(Z_UP_TO_Y_UP, (len(body), 4)), body[:, 0])
    if _POSITIONS in data.keys:
        positions = data.floats(_POSITIONS)
        if positions.ndim == 2 and positions.shape[1] == 72:
            positions = positions.reshape(-1, 24, 3)
        turned = rotation.rotate(Z_UP_TO_Y_UP, positions) if positions.shape[-1:] == (3,) else positions
        found = from_positions(str(path), FPS, turned)
        return found if body is None or len(body) != len(positions) else replace(found, rotations=body)
    assert pelvis is not None and body is not None
    return from_rotations(str(path), FPS, pelvis, body, rest_joints)


def _parameters(data: Arrays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Local rotations (T, 55, 4) and pelvis (T, 3) of the file, z up."""
    poses, translation = data.floats(_POSES), data.floats(_TRANSLATION)
    poses = poses.reshape(len(poses), -1) if poses.ndim > 1 else poses
    if poses.ndim != 2 or poses.shape[1] != 72 or translation.shape != (len(poses), 3) or not len(poses):
        raise BadInput(
            f"{data.path}: smpl_poses {poses.shape} and smpl_trans {translation.shape}; expected (T, 72) and (T, 3)"
        )
    return from_parameters(str(data.path), poses, None, None), translation
