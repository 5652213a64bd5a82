"""Settings of the fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray


@dataclass(frozen=True)
class Noise:
    """How much each kind of evidence is believed: standard deviations.

    `image` of a landmark in the picture, as a share of the person's size in it; `depth` and `across` of the vectors
    between world landmarks, metres, along and across the line of sight. `turn` rad/s² and `path` m/s²: accelerations
    that cost as much as an error of one standard deviation; beyond them the cost grows only linearly, so that a hit
    stays sharp. `floor` metres of a standing foot.
    """

    image: Annotated[float, Gt(0)] = 0.007
    depth: Annotated[float, Gt(0)] = 0.06
    across: Annotated[float, Gt(0)] = 0.05
    turn: Annotated[float, Gt(0)] = 40.0
    path: Annotated[float, Gt(0)] = 4.0
    floor: Annotated[float, Gt(0)] = 0.01


@dataclass(frozen=True)
class FittingOptions:
    """What is known beside the landmarks, and how the fit is done.

    `focal_px` of the upright picture, None: estimated, with `focal_ratio` of the longer side as the first guess.
    `height_m`: how tall the person is, None: from the world landmarks. `gravity`: look for the floor and turn the world
    so that it is level; otherwise the camera is taken to be level. `background` (T, 3, 3): for a moving camera, the
    homographies that take the picture's background of the first frame to that of each frame, in pixels.
    `rounds`: steps of the solver before and after the floor is known. `lock_feet`: planted feet stand still exactly.
    """

    focal_px: Annotated[float, Gt(0)] | None = None
    focal_ratio: Annotated[float, Gt(0)] = 0.9
    height_m: Annotated[float, Ge(0.5), Le(2.6)] | None = None
    gravity: bool = True
    background: NDArray[np.floating] | None = None
    rounds: tuple[int, int] = (8, 8)
    lock_feet: bool = True
    noise: Noise = field(default_factory=Noise)
