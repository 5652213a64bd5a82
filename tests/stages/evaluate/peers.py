"""Files as other programs write them, all of the same made-up dance."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget import world_motion
from infinitedance_cli.motion.retarget.smpl import smpl_offsets
from infinitedance_cli.motion.skeleton import SMPLX_PARENTS
from tests.motion.samples import wandering_clip

Array = NDArray[np.floating]


def smpl_dance(frames: int = 40, seed: int = 1) -> tuple[Array, Array, Array]:
    """Pelvis (T, 3), local rotations (T, 22, 4) and positions (T, 22, 3) of a body of SMPL's proportions, y up."""
    clip = wandering_clip(frames, seed, joints=22)
    turns = clip.joint_rotation.astype(np.float64)
    pelvis = clip.root_position.astype(np.float64)
    moving = np.repeat(smpl_offsets()[None], frames, axis=0)
    moving[:, 0] = pelvis
    return pelvis, turns, np.asarray(world_motion(SMPLX_PARENTS[:22], moving, turns)[0])


def with_hands(positions: Array) -> Array:
    """24 joints: hands 8 cm beside the wrists."""
    return np.concatenate((positions, positions[:, 20:22] + np.array([0.08, 0, 0])), axis=1)


def to_z_up(points: Array) -> Array:
    """(x, y, z) with y up as (x, -z, y) with z up."""
    return np.stack((points[..., 0], -points[..., 2], points[..., 1]), axis=-1)


def write_edge(path: Path, frames: int = 40, *, with_positions: bool = True) -> Path:
    """EDGE: SMPL poses and pelvis, z up; positions of 24 joints unless it is ground truth."""
    pelvis, turns, positions = smpl_dance(frames)
    upright = rotation.about_axis("x", np.array(np.pi / 2))
    turns[:, 0] = rotation.multiply(np.broadcast_to(upright, (frames, 4)), turns[:, 0])
    poses = np.zeros((frames, 72))
    poses[:, :66] = rotation.to_axis_angle(turns).reshape(frames, 66)
    content = {"smpl_poses": poses.astype(np.float32), "smpl_trans": to_z_up(pelvis).astype(np.float32)}
    if with_positions:
        content["full_pose"] = to_z_up(with_hands(positions)).astype(np.float32)
    path.write_bytes(pickle.dumps(content))
    return path


def write_lodge(path: Path, columns: int, frames: int = 40) -> Path:
    """LODGE or FineDance: contacts (139, 319), pelvis, first two rows of each matrix, hands open (315, 319)."""
    pelvis, turns, _ = smpl_dance(frames)
    rows = rotation.to_matrix(turns)[..., :2, :].reshape(frames, -1)
    parts = [pelvis, rows]
    if columns in (139, 319):
        parts.insert(0, np.ones((frames, 4)))
    if columns > 300:
        parts.append(np.tile([1.0, 0, 0, 0, 1, 0], (frames, 30)))
    values = np.concatenate(parts, axis=1).astype(np.float32)
    assert values.shape[1] == columns
    np.save(path, values)
    return path


def write_bailando(path: Path, frames: int = 80) -> Path:
    """Bailando: a dictionary in an array of objects, 24 joints flat."""
    positions = with_hands(smpl_dance(frames)[2]).reshape(frames, 72)
    np.save(path, np.array({"pred_position": positions}, dtype=object), allow_pickle=True)
    return path


def write_aistpp(path: Path, frames: int = 80) -> Path:
    """AIST++: SMPL poses, and a translation in the units of the body's scaling."""
    pelvis, turns, _ = smpl_dance(frames)
    poses = np.zeros((frames, 72))
    poses[:, :66] = rotation.to_axis_angle(turns).reshape(frames, 66)
    content = {"smpl_poses": poses, "smpl_scaling": np.array([93.0]), "smpl_trans": pelvis * 93.0}
    path.write_bytes(pickle.dumps(content))
    return path
