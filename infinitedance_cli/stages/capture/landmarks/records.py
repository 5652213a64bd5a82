"""What is found in one picture: people, and the landmarks of one of them.

Pictures are (H, W, 3) uint8 RGB, upright. Pixels are x to the right and y down from the top left corner of the picture.
Arrays are float32; what was not seen is NaN, and its score 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

BODY_LANDMARKS, HAND_LANDMARKS, FACE_LANDMARKS = 33, 21, 468


@dataclass(frozen=True)
class Region:
    """A square of the picture, turned: its centre and side in pixels, and by how many radians it is turned clockwise
    as one looks at the picture."""

    x: float
    y: float
    size: float
    angle: float = 0.0


@dataclass(frozen=True, eq=False)
class Detection:
    """A person in a picture: `box` (4,) left, top, right, bottom in pixels, and the detector's `score` 0–1.

    `region` is the turned square round the whole body, from detectors that know it; without one it is made of the box.
    """

    box: FloatArray
    score: float
    region: Region | None = None


@dataclass(frozen=True, eq=False)
class PersonLandmarks:
    """One person in one picture; the rows of a `PersonTrack`.

    - `box` (4,) pixels, round the body's landmarks; `score` 0–1 that a person is there at all
    - `body_image` (33, 2), `body_world` (33, 3) metres about the middle of the hips in the camera's axes (x right, y
      down, z away), `body_visibility` (33,) 0–1, in BlazePose's order
    - `hand_image` (2, 21, 2), `hand_world` (2, 21, 3) metres about the hand, `hand_score` (2,): left, right
    - `face_image` (468, 3) pixels, z in the same scale, less is nearer; `face_score`
    """

    box: FloatArray
    score: float
    body_image: FloatArray
    body_world: FloatArray
    body_visibility: FloatArray
    hand_image: FloatArray
    hand_world: FloatArray
    hand_score: FloatArray
    face_image: FloatArray
    face_score: float
