"""The four cameras of `pose2sim_single_cam01` to `04`, as the maker of the videos calibrated them (BSD-3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Lens:
    """A calibrated camera: `matrix` (fx, fy, cx, cy) pixels, `turn` axis-angle and `shift` metres from the world."""

    matrix: tuple[float, float, float, float]
    turn: tuple[float, float, float]
    shift: tuple[float, float, float]

    @property
    def rotation(self) -> Array:
        """From the world to the camera (3, 3)."""
        return rotation.to_matrix(rotation.from_axis_angle(np.array(self.turn)))

    @property
    def projection(self) -> Array:
        """(3, 4) from the world to pixels."""
        fx, fy, cx, cy = self.matrix
        inner = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
        return inner @ np.concatenate((self.rotation, np.array(self.shift)[:, None]), axis=1)


LENSES = (
    Lens((1671.50, 1671.39, 564.64, 933.01), (1.678785, 1.031973, -0.391024), (0.260948, 0.964159, 2.932963)),
    Lens((1675.71, 1675.41, 555.78, 937.73), (1.357860, 1.579657, -1.182201), (-0.165270, 0.808409, 3.204494)),
    Lens((1678.75, 1678.19, 556.07, 928.20), (0.786049, -2.186388, 1.433604), (-0.850431, 0.413637, 4.297891)),
    Lens((1690.86, 1689.24, 535.76, 933.00), (1.405189, -1.390963, 0.443665), (0.511162, 0.112550, 4.410360)),
)
"""Pose2Sim's Demo_SinglePerson/calibration/Calib_scene.toml, for pictures 1088 pixels wide."""
