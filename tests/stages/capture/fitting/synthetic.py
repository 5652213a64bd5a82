"""Tracks made from a known motion and a known camera, as a landmark reader would see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.retarget.hands import relaxed_hands
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.stages.capture.fitting.finish import landmarks_of
from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class View:
    """A level-held camera in the world: `position` (3,), looking along −Z, tilted down by `pitch` degrees."""

    position: tuple[float, float, float] = (0.0, 1.4, 4.0)
    pitch: float = 5.0
    focal: float = 1100.0
    width: int = 1280
    height: int = 720

    @property
    def rotation(self) -> FloatArray:
        """From the world to the picture's axes (x right, y down, z away)."""
        angle = np.radians(self.pitch)
        down, level = np.sin(angle), np.cos(angle)
        return np.array([[1.0, 0.0, 0.0], [0.0, -level, down], [0.0, -down, -level]])

    def local(self, points: FloatArray) -> FloatArray:
        """World points in the picture's axes."""
        return (points - np.array(self.position)) @ self.rotation.T

    def project(self, points: FloatArray) -> FloatArray:
        """World points in pixels."""
        local = self.local(points)
        return 0.5 * np.array([self.width, self.height]) + self.focal * local[..., :2] / local[..., 2:]


def dance(frames: int = 90, seed: int = 0) -> MotionClip:
    """Steps to both sides with swinging arms: feet planted in turn, knees bent, hips carried over the standing foot."""
    from infinitedance_cli.motion.footlock import lock_feet

    skeleton = default_skeleton()
    beat = np.arange(frames) / 30.0 * 2 * np.pi / 1.2
    angles = np.zeros((frames, 55, 3))
    lift = np.maximum(np.sin(beat), 0.0), np.maximum(-np.sin(beat), 0.0)
    for side, (hip, knee, ankle) in enumerate(((1, 4, 7), (2, 5, 8))):
        bend = 0.25 + 0.5 * lift[side]
        angles[:, hip, 0], angles[:, knee, 0], angles[:, ankle, 0] = -bend, 2 * bend, -bend
    angles[:, 16, 2], angles[:, 17, 2] = -1.0 + 0.4 * np.sin(beat), 1.0 + 0.4 * np.sin(beat + 1)
    angles[:, 18, 1], angles[:, 19, 1] = -0.6 - 0.5 * np.sin(beat), 0.6 + 0.5 * np.sin(beat + 0.5)
    angles[:, 0, 1] = 0.4 * np.sin(0.5 * beat + seed)
    turns = rotation.from_axis_angle(angles)
    for name, first in (("left", 25), ("right", 40)):
        turns[:, first : first + 15] = relaxed_hands()[name]
    root = np.zeros((frames, 3))
    root[:, 0] = 0.15 * np.sin(beat)
    legs = forward_kinematics(skeleton, root, turns)[0][:, [10, 11], 1].min(axis=1)
    root[:, 1] = skeleton.rest_positions()[10, 1] - legs
    clip = MotionClip("dance", skeleton, 30.0, root.astype(np.float32), turns.astype(np.float32))
    planted = np.repeat(np.stack([lift[0] < 0.05, lift[1] < 0.05], axis=1), 2, axis=1)
    return lock_feet(clip, planted.astype(float))


def track_of(
    clip: MotionClip, view: View, noise_px: float = 0.0, noise_m: float = 0.0, seed: int = 0, scale: float = 1.0
) -> PersonTrack:
    """What is seen of `clip`; `scale` of the world landmarks, noise of pixels and of metres (each frame's own)."""
    random = np.random.default_rng(seed)
    points = landmarks_of(clip, np.zeros(10))
    frames = len(points)
    local = view.local(points)
    # The reader sees the person as a camera would that looked straight at them.
    ray = rotation.between(np.array([0.0, 0.0, 1.0]), local.mean(axis=1))
    world = rotation.rotate(rotation.inverse(ray)[:, None], local - local[:, 23:25].mean(axis=1, keepdims=True))
    image = view.project(points) + noise_px * random.normal(size=(frames, 33, 2))
    world = scale * world + noise_m * random.normal(size=world.shape)
    low, high = image.min(axis=1), image.max(axis=1)
    nothing = np.full((frames, 2, 21, 3), np.nan)
    return PersonTrack(
        first_frame=0,
        fps=clip.fps,
        width=view.width,
        height=view.height,
        box=np.concatenate((low, high), axis=1),
        score=np.ones(frames),
        body_image=image,
        body_world=world,
        body_visibility=np.ones((frames, 33)),
        hand_image=nothing[..., :2],
        hand_world=nothing,
        hand_score=np.zeros((frames, 2)),
        face_image=np.full((frames, 468, 3), np.nan),
        face_score=np.zeros(frames),
    )
