"""EDGE's motions (`.pkl`): `smpl_poses` (T, 72), `smpl_trans` (T, 3) and, of its own dances, `full_pose` (T, 24, 3).

The world has z up; `smpl_trans` is the pelvis itself; 30 fps. POPDG and others write the same fields. The ground truth
that EDGE cuts from AIST++ has other names, `q` (T, 72), `pos` (T, 3) and, before it is cut, `scale`: y up, 60 fps.
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
FPS, TRUTH_FPS = 30.0, 60.0

_TRUTH, _TRUTH_SCALE = frozenset(("pos", "q")), "scale"
_POSES, _TRANSLATION, _POSITIONS, _AISTPP = "smpl_poses", "smpl_trans", "full_pose", "smpl_scaling"


def matches(path: Path) -> bool:
    """True for a pickle of arrays with EDGE's fields and without AIST++'s scaling."""
    keys = keys_of(path)
    return keys >= _TRUTH or (_AISTPP not in keys and ({_POSES, _TRANSLATION} <= keys or _POSITIONS in keys))


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file on our skeleton. Raises BadInput when fields are missing or have other shapes."""
    data = Arrays(path)
    truth = data.keys >= _TRUTH
    rotations, translation = _truth(data) if truth else _parameters(data)
    fps = TRUTH_FPS if truth else FPS
    motion = SmplMotion(rotations, translation, np.zeros(0, np.float32), "neutral", fps, hands=False)
    yield to_clip(path.stem, motion, usual_up="y" if truth else "z")


def read_positions(path: Path, rest_joints: NDArray[np.floating] | None = None) -> PeerMotion:
    """Joint positions (T, 24, 3) as EDGE wrote them, turned to y up; from the rotations where it wrote none."""
    data = Arrays(path)
    if data.keys >= _TRUTH:
        rotations, translation = _truth(data)
        return from_rotations(str(path), TRUTH_FPS, translation, rotations[:, :BODY_JOINT_COUNT], rest_joints)
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


def _truth(data: Arrays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Local rotations (T, 55, 4) and translation (T, 3) in metres of ground truth, y up."""
    scale = data.number(_TRUTH_SCALE, default=1.0)
    if not scale > 0:
        raise BadInput(f"{data.path}: scale is {scale:g}; expected a positive number")
    rotations, translation = _checked(data, "q", "pos")
    return rotations, translation / scale


def _parameters(data: Arrays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Local rotations (T, 55, 4) and pelvis (T, 3) of the file, z up."""
    return _checked(data, _POSES, _TRANSLATION)


def _checked(data: Arrays, poses_name: str, translation_name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    poses, translation = data.floats(poses_name), data.floats(translation_name)
    poses = poses.reshape(len(poses), -1) if poses.ndim > 1 else poses
    if poses.ndim != 2 or poses.shape[1] != 72 or translation.shape != (len(poses), 3) or not len(poses):
        raise BadInput(
            f"{data.path}: {poses_name} {poses.shape} and {translation_name} {translation.shape}; "
            "expected (T, 72) and (T, 3)"
        )
    return from_parameters(str(data.path), poses, None, None), translation
