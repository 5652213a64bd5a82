"""Where the camera is at each frame: it follows the dancer without jitter and keeps the whole body in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.render.config import ViewConfig

NEAR, FAR = 0.1, 100.0
FLESH = 0.13
"""How far skin reaches beyond the joints, metres: the crown of the head over the head joint, the finger tips."""
_ZOOM_WINDOW_S = 2.0
_LEAST_HEIGHT = 0.55

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class View:
    """One camera: `eye` (3,) in the world, `axes` (3, 3) whose rows are right, up and backward, `projection` (4, 4)."""

    eye: Floats
    axes: Floats
    projection: Floats

    @property
    def world_to_clip(self) -> Floats:
        """Matrix (4, 4) from the world to clip space, for column vectors."""
        look = np.eye(4)
        look[:3, :3] = self.axes
        look[:3, 3] = -self.axes @ self.eye
        return self.projection @ look

    @property
    def horizon(self) -> float:
        """Height of the horizon in the picture: 0 at its lower edge, 1 at its upper one; it can be outside."""
        back = self.axes[2]
        return 0.5 + 0.5 * float(self.projection[1, 1] * back[1] / max(np.hypot(back[0], back[2]), 1e-6))

    def project(self, points: Floats) -> Floats:
        """Normalised device coordinates (..., 2) of world `points` (..., 3): −1..1, y up."""
        homogeneous = np.concatenate((points, np.ones((*points.shape[:-1], 1))), axis=-1) @ self.world_to_clip.T
        return homogeneous[..., :2] / homogeneous[..., 3:]

    def depth(self, points: Floats) -> Floats:
        """Metres (...) in front of the camera of world `points` (..., 3)."""
        distance: Floats = -(points - self.eye) @ self.axes[2]
        return distance


@dataclass(frozen=True)
class CameraPath:
    """The camera of every frame: `targets` (T, 3), `distances` (T,) metres, `yaws` (T,) radians, one `pitch`.

    `needs` (T,) are the least distances at which each frame's body is in the picture.
    """

    targets: Floats
    distances: Floats
    needs: Floats
    yaws: Floats
    pitch: float
    field_of_view: float

    def view(self, frame: int, aspect: float) -> View:
        """The view of one frame in a picture of `aspect` width / height."""
        axes = camera_axes(float(self.yaws[frame]), self.pitch)
        eye = self.targets[frame] + axes[2] * self.distances[frame]
        return View(eye, axes, perspective(self.field_of_view, aspect))

    def pixel_size(self, height: int) -> float:
        """Metres that a pixel covers at the dancer's nearest, in a picture of `height` pixels."""
        return float(2 * np.tan(self.field_of_view / 2) * self.distances.min() / height)


def camera_axes(yaw: float, pitch: float) -> Floats:
    """Rows right, up, backward of a camera at `yaw` from +Z about the vertical and `pitch` above, radians."""
    sin_yaw, cos_yaw, sin_pitch, cos_pitch = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    back = np.array([sin_yaw * cos_pitch, sin_pitch, cos_yaw * cos_pitch])
    right = np.array([cos_yaw, 0.0, -sin_yaw])
    return np.stack((right, np.cross(back, right), back))


def perspective(field_of_view: float, aspect: float) -> Floats:
    """OpenGL's projection (4, 4) for a vertical `field_of_view` in radians."""
    scale = 1 / np.tan(field_of_view / 2)
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1] = scale / aspect, scale
    matrix[2, 2], matrix[2, 3] = (FAR + NEAR) / (NEAR - FAR), 2 * FAR * NEAR / (NEAR - FAR)
    matrix[3, 2] = -1
    return matrix


def facing(clip: MotionClip) -> float:
    """The yaw in radians that the dancer faces most; that of the first second where the dance turns all ways."""
    yaw = rotation.heading(clip.joint_rotation[:, 0])
    if np.hypot(np.sin(yaw).mean(), np.cos(yaw).mean()) < 0.3:
        yaw = yaw[: max(1, round(clip.fps))]
    return float(np.arctan2(np.sin(yaw).mean(), np.cos(yaw).mean()))


def camera_path(
    clip: MotionClip, joints: Floats, aspect: float, config: ViewConfig, foot_room: float = 0.0
) -> CameraPath:
    """The camera for a clip with world `joints` (T, J, 3) in a picture of `aspect` width / height.

    `foot_room`: the share of the picture's height at its foot that the body leaves free.
    """
    yaw = facing(clip) if config.yaw is None else np.radians(config.yaw)
    yaws = np.full(clip.frames, yaw)
    if config.camera == "orbit":
        yaws = yaw + np.arange(clip.frames) * (2 * np.pi / (config.orbit_s * clip.fps))
    targets = _targets(joints, clip.fps, config)
    pitch, field_of_view = np.radians(config.pitch), np.radians(config.field_of_view)
    needs = _needed_distances(joints, targets, yaws, pitch, np.tan(field_of_view / 2), aspect, foot_room)
    distances = np.full(clip.frames, needs.max()) if config.camera == "fixed" else _slow_maximum(needs, clip.fps)
    return CameraPath(targets, distances / config.zoom, needs / config.zoom, yaws, float(pitch), float(field_of_view))


def _targets(joints: Floats, fps: float, config: ViewConfig) -> Floats:
    """Points (T, 3) to look at: over the pelvis, at half the height of the standing body."""
    from scipy.ndimage import gaussian_filter1d

    low, high = joints.min(axis=1).astype(float), joints.max(axis=1).astype(float)
    middle = 0.5 * (low + high)
    middle[:, [0, 2]] = joints[:, 0][:, [0, 2]]
    standing = max(np.percentile(high[:, 1], 75) + FLESH, 2 * _LEAST_HEIGHT)
    middle[:, 1] = 0.5 * standing
    if config.camera == "fixed":
        everywhere = 0.5 * (low.min(axis=0) + high.max(axis=0))
        return np.tile([everywhere[0], 0.5 * standing, everywhere[2]], (len(joints), 1))
    if config.smoothing_s == 0:
        return middle
    smooth: Floats = gaussian_filter1d(middle, config.smoothing_s * fps, axis=0, mode="nearest")
    return smooth


def _needed_distances(
    joints: Floats, targets: Floats, yaws: Floats, pitch: float, tangent: float, aspect: float, foot_room: float
) -> Floats:
    """Least distances (T,) at which the body and the floor under it are in the picture, above its `foot_room` share."""
    from_target = joints - targets[:, None]
    under = from_target[:, :1] * [1, 0, 1] - targets[:, None] * [0, 1, 0]
    points = np.concatenate((from_target, under), axis=1)
    axes = np.stack([camera_axes(yaw, pitch) for yaw in yaws])
    local = np.einsum("tpc,tac->tpa", points, axes)
    across = (np.abs(local[..., 0]) + FLESH) / aspect
    upright = np.maximum(local[..., 1] + FLESH, -local[..., 1] / (1 - 2 * foot_room) + FLESH)
    needs: Floats = (np.maximum(across, upright) / tangent + local[..., 2]).max(axis=1)
    return needs * 1.03


def _slow_maximum(needs: Floats, fps: float) -> Floats:
    """A smooth curve (T,) that is never below `needs` (T,)."""
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d

    reach = max(1, round(_ZOOM_WINDOW_S * fps))
    held = maximum_filter1d(needs, 2 * reach + 1, mode="nearest")
    smooth: Floats = gaussian_filter1d(held, reach / 3, mode="nearest", truncate=3)
    return smooth
