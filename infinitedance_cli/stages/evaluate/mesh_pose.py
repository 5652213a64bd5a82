"""The pose of the open body that stands for a dance: whose skin may go through the floor or itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.features import pose_from_positions
from infinitedance_cli.motion.kinematics import resample_times, sample_positions, sample_rotations
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.metrics.penetration import RATE_HZ

FloatArray = NDArray[np.floating]

_SAME_BODY_M = 1e-4
_LEGS = ((1, 4), (4, 7), (2, 5), (5, 8))


def mesh_pose(dance: Dance) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Root (T, 3) and local rotations (T, J, 4) of the open body at `RATE_HZ`, over the floor y = 0.

    Clips on the default skeleton as they are. Others keep their rotations (files of positions get those that follow
    the positions), their path is scaled by leg length, and their standing toes are put where the body's toes stand.
    """
    if dance.clip is not None and dance.clip.skeleton.matches(
        default_skeleton(dance.clip.skeleton.joint_count), _SAME_BODY_M
    ):
        clip = dance.clip
        times = _times(clip.frames, clip.fps)
        return sample_positions(clip.root_position, times), sample_rotations(clip.joint_rotation, times)
    fps = dance.fps
    positions = dance.positions(fps)
    times = _times(len(positions), fps)
    placed = _on_open_body(sample_positions(positions[:, :BODY_JOINT_COUNT], times), dance.stance.toe)
    rotations = dance.motion.rotations if dance.motion is not None else None
    if dance.clip is not None:
        rotations = dance.clip.joint_rotation[:, :BODY_JOINT_COUNT]
    if rotations is None:
        local, _ = pose_from_positions(default_skeleton(BODY_JOINT_COUNT), placed)
    else:
        local = sample_rotations(rotations, times)
    return placed[:, 0].astype(np.float32), local.astype(np.float32)


def _times(frames: int, fps: float) -> NDArray[np.float64]:
    return resample_times(frames, fps, min(RATE_HZ, fps))


def _on_open_body(positions: FloatArray, toe_floor: float) -> FloatArray:
    """Positions (T, 22, 3) at the size of the open body, standing toes at its standing height."""
    rest = default_skeleton(BODY_JOINT_COUNT).rest_positions()
    ours = sum(float(np.linalg.norm(rest[knee] - rest[hip])) for hip, knee in _LEGS)
    theirs = sum(float(np.median(np.linalg.norm(positions[:, b] - positions[:, a], axis=-1))) for a, b in _LEGS)
    scale = ours / theirs if theirs > 0 else 1.0
    moved = positions * scale
    moved[..., 1] += float(rest[10, 1]) - toe_floor * scale
    return moved
