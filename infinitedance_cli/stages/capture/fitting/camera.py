"""The camera of the fit: a pinhole whose axes are the reference axes (x right, y up, z towards the camera)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput

FloatArray = NDArray[np.floating]

FLIP = np.diag([1.0, -1.0, -1.0])
"""From a picture's camera axes (x right, y down, z away) to ours (x right, y up, z towards the camera), and back."""
_NEAREST = 0.2


@dataclass(frozen=True)
class Pinhole:
    """`focal` pixels; `centre` (2,) pixels; `turns` (T, 3, 3) from the reference axes to those of each frame."""

    focal: float
    centre: FloatArray
    turns: FloatArray

    def part(self, frames: slice) -> Pinhole:
        """The camera of some of the frames."""
        return replace(self, turns=self.turns[frames])

    def project(self, points: FloatArray) -> FloatArray:
        """Pixels (T, L, 2) of `points` (T, L, 3) in the reference axes; what is behind the camera is held in front."""
        local = points @ np.swapaxes(self.turns, 1, 2)
        depth = np.maximum(-local[..., 2:], _NEAREST)
        return self.centre + self.focal * local[..., :2] * (1.0, -1.0) / depth

    def derivative(self, points: FloatArray) -> FloatArray:
        """∂ pixels / ∂ points: (T, L, 2, 3)."""
        local = points @ np.swapaxes(self.turns, 1, 2)
        depth = np.maximum(-local[..., 2], _NEAREST)
        table = np.zeros((*points.shape[:2], 2, 3))
        table[..., 0, 0] = self.focal / depth
        table[..., 1, 1] = -self.focal / depth
        table[..., 0, 2] = self.focal * local[..., 0] / depth**2
        table[..., 1, 2] = -self.focal * local[..., 1] / depth**2
        return table @ self.turns[:, None]

    def rays(self, pixels: FloatArray) -> FloatArray:
        """Directions (T, 3), not of unit length, along which the camera sees `pixels` (T, 2), in the reference axes."""
        flat = (pixels - self.centre) / self.focal
        local = np.concatenate((flat * (1.0, -1.0), -np.ones((len(flat), 1))), axis=1)
        rays: FloatArray = (np.swapaxes(self.turns, 1, 2) @ local[:, :, None])[..., 0]
        return rays


def background_turns(background: FloatArray | None, frames: int, focal: float, centre: FloatArray) -> FloatArray:
    """Turns (T, 3, 3) of the camera from `background` homographies, first frame's pixels to each frame's.

    A camera that only turns moves the whole background by K R K⁻¹. A zoom or a walking camera does not: what of its
    homography is no rotation is left out, and the body moves with it.
    """
    if background is None:
        return np.broadcast_to(np.eye(3), (frames, 3, 3))
    if background.shape != (frames, 3, 3) or not np.isfinite(background).all():
        raise BadInput(
            f"background homographies have shape {background.shape}; expected finite numbers ({frames}, 3, 3)"
        )
    matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]])
    turns = np.linalg.inv(matrix) @ background @ matrix
    turns = turns / np.cbrt(np.linalg.det(turns))[:, None, None]
    left, _, right = np.linalg.svd(turns)
    sign = np.linalg.det(left @ right)
    left[..., 2] *= sign[:, None]
    return FLIP @ (left @ right) @ FLIP


def locate(world: FloatArray, image: FloatArray, weight: FloatArray, camera: Pinhole) -> FloatArray:
    """Where the middle of the hips is, (T, 3) in the reference axes, so that `world` (T, L, 3) metres about it appears
    at `image` (T, L, 2): linear least squares with `weight` (T, L); frames without weight are NaN."""
    flat = (image - camera.centre) / camera.focal * (1.0, -1.0)
    local = world @ np.swapaxes(camera.turns, 1, 2)
    rows = np.zeros((*flat.shape, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1.0
    rows[..., 2] = flat
    wanted = -(local[..., :2] + flat * local[..., 2:])
    left = np.einsum("tlka,tl,tlkb->tab", rows, weight, rows)
    right = np.einsum("tlka,tl,tlk->ta", rows, weight, wanted)
    known = (weight > 0).sum(axis=1) >= 4
    place = np.full((len(world), 3), np.nan)
    place[known] = np.linalg.solve(left[known] + 1e-9 * np.eye(3), right[known][..., None])[..., 0]
    place[place[:, 2] > -_NEAREST] = np.nan
    found: FloatArray = (np.swapaxes(camera.turns, 1, 2) @ place[..., None])[..., 0]
    return found
