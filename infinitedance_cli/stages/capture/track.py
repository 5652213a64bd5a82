"""What is seen of one person in one shot, before any skeleton is fitted to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class PersonTrack:
    """Landmarks of one person over T consecutive frames of one shot, at a true `fps`.

    `first_frame` counts from the video's start at `fps`; `width` and `height` are the upright picture's, in pixels.
    Pixels are x to the right and y down from the top left corner. World landmarks are metres about the middle of the
    hips in the camera's axes: x right, y down, z away from the camera. What was not seen is NaN, its score 0.

    - `box` (T, 4) pixels: left, top, right, bottom; `score` (T,) 0–1 that the person is there
    - `body_image` (T, 33, 2), `body_world` (T, 33, 3), `body_visibility` (T, 33) 0–1, in BlazePose's order
    - `hand_image` (T, 2, 21, 2), `hand_world` (T, 2, 21, 3) metres about the hand, `hand_score` (T, 2): left, right
    - `face_image` (T, 468, 3) pixels, z in the same scale, `face_score` (T,)
    """

    first_frame: int
    fps: float
    width: int
    height: int
    box: FloatArray
    score: FloatArray
    body_image: FloatArray
    body_world: FloatArray
    body_visibility: FloatArray
    hand_image: FloatArray
    hand_world: FloatArray
    hand_score: FloatArray
    face_image: FloatArray
    face_score: FloatArray
