"""Forward kinematics and resampling in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import Skeleton


def forward_kinematics(
    skeleton: Skeleton, root_position: NDArray[np.floating], joint_rotation: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Joint positions and rotations in the world.

    `root_position` (..., 3) metres, `joint_rotation` (..., J, 4) local to the parent.
    Returns positions (..., J, 3) in metres and world rotations (..., J, 4).
    """
    positions = np.empty((*joint_rotation.shape[:-1], 3), dtype=joint_rotation.dtype)
    rotations = np.empty_like(joint_rotation)
    offsets = skeleton.offsets.astype(joint_rotation.dtype)
    for joint, parent in enumerate(skeleton.parents):
        if parent < 0:
            positions[..., joint, :] = root_position
            rotations[..., joint, :] = joint_rotation[..., joint, :]
            continue
        rotations[..., joint, :] = rotation.multiply(rotations[..., parent, :], joint_rotation[..., joint, :])
        positions[..., joint, :] = positions[..., parent, :] + rotation.rotate(
            rotations[..., parent, :], offsets[joint]
        )
    return positions, rotations


def local_rotations(skeleton: Skeleton, world_rotation: NDArray[np.floating]) -> NDArray[np.floating]:
    """World rotations (..., J, 4) to rotations local to the parent: undoes the chain in `forward_kinematics`."""
    local = world_rotation.copy()
    parents = np.asarray(skeleton.parents[1:])
    local[..., 1:, :] = rotation.multiply(rotation.inverse(world_rotation[..., parents, :]), world_rotation[..., 1:, :])
    return local


def resample_times(frames: int, source_fps: float, target_fps: float) -> NDArray[np.float64]:
    """Source frame indices, fractional, (T',) at which a clip of `frames` is read to come out at `target_fps`.

    The last target frame never lies after the last source frame.
    """
    count = int(np.floor((frames - 1) * target_fps / source_fps + 1e-6)) + 1
    return np.minimum(np.arange(count) * (source_fps / target_fps), frames - 1)


def sample_positions(positions: NDArray[np.floating], times: NDArray[np.floating]) -> NDArray[np.floating]:
    """Positions (T, ...) read linearly at fractional frames `times` (T',)."""
    low = np.minimum(times.astype(int), len(positions) - 1)
    high = np.minimum(low + 1, len(positions) - 1)
    part = (times - low).reshape(-1, *([1] * (positions.ndim - 1))).astype(positions.dtype)
    return positions[low] * (1 - part) + positions[high] * part


def sample_rotations(quaternions: NDArray[np.floating], times: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rotations (T, ..., 4) read by slerp at fractional frames `times` (T',)."""
    low = np.minimum(times.astype(int), len(quaternions) - 1)
    high = np.minimum(low + 1, len(quaternions) - 1)
    part = np.broadcast_to(
        (times - low).reshape(-1, *([1] * (quaternions.ndim - 2))), (len(times), *quaternions.shape[1:-1])
    )
    return rotation.slerp(quaternions[low], quaternions[high], part).astype(quaternions.dtype)
