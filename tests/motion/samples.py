"""Made-up motion for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import default_skeleton


def wandering_clip(frames: int = 120, seed: int = 0, joints: int = 55, turn: float = 0.0) -> MotionClip:
    """A clip with smooth random joint rotations on a smooth random path, turning by `turn` radians a frame."""
    random = np.random.default_rng(seed)
    angles = 3 * gaussian_filter1d(random.normal(size=(frames, joints, 3)), 8, axis=0)
    rotations = rotation.from_axis_angle(angles)
    yaw = rotation.about_axis("y", turn * np.arange(frames))
    rotations[:, 0] = rotation.multiply(yaw, rotations[:, 0])
    root = np.cumsum(gaussian_filter1d(random.normal(scale=0.02, size=(frames, 3)), 10, axis=0), axis=0)
    root[:, 1] += 0.95
    return MotionClip(
        f"wandering-{seed}", default_skeleton(joints), 30.0, root.astype(np.float32), rotations.astype(np.float32)
    )


def standing_clip(frames: int = 60, joints: int = 22) -> MotionClip:
    """The default skeleton standing still at the origin in its rest pose."""
    skeleton = default_skeleton(joints)
    root = np.repeat(skeleton.rest_positions()[:1], frames, axis=0)
    return MotionClip("standing", skeleton, 30.0, root, rotation.identity(frames, joints))


def crouch(clip: MotionClip, flexion: NDArray[np.floating]) -> MotionClip:
    """`clip` with hips, knees and ankles bent by `flexion` (T,) radians, feet flat and pelvis lowered to match."""
    joints = clip.joint_rotation.copy()
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):
        joints[:, hip] = rotation.about_axis("x", -flexion)
        joints[:, knee] = rotation.about_axis("x", 2 * flexion)
        joints[:, ankle] = rotation.about_axis("x", -flexion)
    bent = MotionClip(clip.clip_id, clip.skeleton, clip.fps, clip.root_position, joints.astype(np.float32))
    ankles = bent.joint_positions()[:, 7]
    root = clip.root_position + (clip.skeleton.rest_positions()[7] - ankles) * np.array([0, 1, 1], np.float32)
    return MotionClip(clip.clip_id, clip.skeleton, clip.fps, root, bent.joint_rotation)
