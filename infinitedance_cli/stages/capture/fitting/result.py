"""What a fit gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.fitting.camera import FLIP

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class FittedCamera:
    """The camera in the clip's world, as pictures have it: x right, y down, z away from the camera.

    `focal_px`, `centre_px` (2,) of a picture of `width` × `height`; `rotation` (T, 3, 3) from the world to the camera's
    axes, `position` (3,) metres in the world. `focal_known` is False where the focal length was estimated.
    """

    focal_px: float
    centre_px: FloatArray
    width: int
    height: int
    rotation: FloatArray
    position: FloatArray
    focal_known: bool

    def project(self, points: FloatArray) -> FloatArray:
        """Pixels (T, N, 2) of world `points` (T, N, 3) metres; NaN for what is behind the camera."""
        local = (points - self.position) @ np.swapaxes(self.rotation, 1, 2)
        depth = np.where(local[..., 2:] > 0, local[..., 2:], np.nan)
        pixels: FloatArray = self.centre_px + self.focal_px * local[..., :2] / depth
        return pixels


@dataclass(frozen=True, eq=False)
class Fitted:
    """A person's motion in the world, and how well it is known.

    - `clip`: 55 joints, y up, the floor at y = 0, first frame over the origin, the camera's view along −Z; bone lengths
      are the person's own
    - `camera`: where it was seen from
    - `landmarks` (T, 33, 3) metres: BlazePose's points on the fitted body; `reprojection_px` (T, 33): how far from
      where they were seen, NaN where nothing was
    - `confidence` (T, 55) 0–1 of every joint: of the landmarks that it was found from
    - `face` (T, 5) the measures that `face.MEASURES` names, NaN where no face was seen
    """

    clip: MotionClip
    camera: FittedCamera
    landmarks: FloatArray
    reprojection_px: FloatArray
    confidence: FloatArray
    face: FloatArray


def world_axes(up: FloatArray) -> FloatArray:
    """Rotation (3, 3) from the reference axes to a world whose y is `up` (3,), the camera looking along −Z."""
    right = np.array([1.0, 0.0, 0.0])
    x = right - (right @ up) * up
    x = x / np.linalg.norm(x)
    return np.stack((x, up, np.cross(x, up)))


def camera_in_world(turns: FloatArray, axes: FloatArray) -> FloatArray:
    """Rotations (T, 3, 3) from the world to the pictures' axes; `turns` (T, 3, 3) from reference to camera."""
    return FLIP @ turns @ axes.T
