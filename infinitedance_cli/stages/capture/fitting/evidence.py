"""What was seen, weighted: landmarks in the picture, and vectors between the world landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.stages.capture.fitting.camera import FLIP, Pinhole
from infinitedance_cli.stages.capture.fitting.options import Noise
from infinitedance_cli.stages.capture.fitting.points import BODY_LANDMARKS, HAND_POINTS, LANDMARKS, point_model
from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating]

LEAST_HAND_SCORE = 0.5
_LEAST_SCORE = 0.3
_HIDDEN = 0.05
"""Weight of what the reader guesses: a landmark that is hidden behind something, or outside the picture."""
_SHARE = {**dict.fromkeys(range(11), 0.25), 0: 0.5, 7: 0.5, 8: 0.5, **dict.fromkeys(range(17, 23), 0.3)}
_BESIDE_HAND = 0.1
"""What is left of the body's own hand landmarks where the hand itself was read."""


@dataclass(frozen=True)
class Evidence:
    """`image` (T, L, 2) pixels with weights (T, L), one over variance; `vectors` (T, B, 3) unit vectors in the axes
    `ray` (T, 3, 3), whose last column points from the person to the camera, with weights (T, B, 3)."""

    image: FloatArray
    image_weight: FloatArray
    vectors: FloatArray
    ray: FloatArray
    vector_weight: FloatArray

    def part(self, frames: slice) -> Evidence:
        """The evidence of some of the frames."""
        values = (self.image, self.image_weight, self.vectors, self.ray, self.vector_weight)
        return Evidence(*(value[frames] for value in values))


@dataclass(frozen=True)
class Sight:
    """The landmarks of a track, (T, L, …), in one order: `image` pixels, `world` metres with y up and z towards the
    camera, `trust` 0–1 (0: not seen, its values are 0), `size` (T,) pixels that the person measures."""

    image: FloatArray
    world: FloatArray
    trust: FloatArray
    size: FloatArray


def sight_of(track: PersonTrack) -> Sight:
    """The landmarks of `track` in the order of `points`, weighted by how well they were seen."""
    frames = len(track.box)
    image, world = np.full((frames, LANDMARKS, 2), np.nan), np.full((frames, LANDMARKS, 3), np.nan)
    image[:, :BODY_LANDMARKS], world[:, :BODY_LANDMARKS] = track.body_image, track.body_world
    trust = np.zeros((frames, LANDMARKS))
    shown = np.clip((np.nan_to_num(track.body_visibility) - 0.15) / 0.6, 0.0, 1.0) ** 2
    there = np.nan_to_num(track.score) > _LEAST_SCORE
    trust[:, :BODY_LANDMARKS] = np.maximum(shown, _HIDDEN) * there[:, None]
    for side, first in enumerate((BODY_LANDMARKS, BODY_LANDMARKS + len(HAND_POINTS))):
        palm = slice(first, first + len(HAND_POINTS))
        image[:, palm], world[:, palm] = track.hand_image[:, side, HAND_POINTS], track.hand_world[:, side, HAND_POINTS]
        score = np.nan_to_num(track.hand_score[:, side])
        sure = np.where((score >= LEAST_HAND_SCORE) & np.isfinite(image[:, palm]).all(axis=(1, 2)), score, 0.0)
        trust[:, palm] = sure[:, None] * there[:, None]
        trust[:, [17 + side, 19 + side, 21 + side]] *= np.where(sure > 0, _BESIDE_HAND, 1.0)[:, None]
    outside = (image < 0) | (image > (track.width, track.height))
    trust[outside.any(axis=-1)] *= _HIDDEN
    missing = ~(np.isfinite(image).all(axis=-1) & np.isfinite(world).all(axis=-1))
    trust[missing], image[missing], world[missing] = 0.0, 0.0, 0.0
    return Sight(image, world @ FLIP, trust, _sizes(track, image, trust))


def _sizes(track: PersonTrack, image: FloatArray, trust: FloatArray) -> FloatArray:
    """Pixels (T,) that the person measures: the larger side of the box, steadied over a second."""
    from scipy.ndimage import median_filter

    size = np.maximum(track.box[:, 2] - track.box[:, 0], track.box[:, 3] - track.box[:, 1]).astype(np.float64)
    frames = np.arange(len(size))
    good = np.isfinite(size) & (size > 0) & (trust.sum(axis=1) > 0)
    if not good.any():
        return np.full(len(size), float(track.height))
    size = np.interp(frames, frames[good], size[good])
    steady: FloatArray = median_filter(size, size=max(1, round(track.fps)) | 1, mode="nearest")
    return steady


def ray_frames(sight: Sight, camera: Pinhole) -> FloatArray:
    """Axes (T, 3, 3), as columns, of a camera that looked straight at the person, in the reference axes.

    The reader sees the person cut out of the picture, as such a camera would: its world landmarks are in these axes.
    """
    weight = sight.trust[:, :BODY_LANDMARKS] + 1e-9
    centre = np.einsum("tl,tlc->tc", weight, sight.image[:, :BODY_LANDMARKS]) / weight.sum(axis=1, keepdims=True)
    lost = sight.trust[:, :BODY_LANDMARKS].sum(axis=1) <= 0
    centre[lost] = camera.centre
    forward = np.swapaxes(camera.turns, 1, 2) @ np.array([0.0, 0.0, -1.0])
    swing = rotation.to_matrix(rotation.between(forward, camera.rays(centre)))
    axes: FloatArray = swing @ np.swapaxes(camera.turns, 1, 2)
    return axes


def gather(sight: Sight, camera: Pinhole, noise: Noise) -> Evidence:
    """Evidence for the fit from what was seen and the camera as it is known."""
    share = np.array([_SHARE.get(point, 1.0) for point in range(LANDMARKS)])
    spread = noise.image * sight.size
    model = point_model()
    between = np.einsum("bl,tlc->tbc", model.vectors, sight.world)
    used = [np.flatnonzero(row) for row in model.vectors]
    trust = np.stack([sight.trust[:, points].min(axis=1) for points in used], axis=1)
    trust = np.where(trust > 0, np.maximum(np.sqrt(trust), 0.2), 0.0)
    length = np.linalg.norm(between, axis=-1, keepdims=True)
    spreads = np.array([noise.across, noise.across, noise.depth])
    weight = trust[..., None] / spreads**2 * np.where(length > 1e-4, 1.0, 0.0)
    return Evidence(
        image=sight.image,
        image_weight=sight.trust * share / spread[:, None] ** 2,
        vectors=between / np.maximum(length, 1e-4),
        ray=ray_frames(sight, camera),
        vector_weight=weight,
    )
