"""A dancer drawn by ourselves: pictures of which it is known where every joint is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.capture.landmarks import LandmarkReader
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.painter import Cell, Painter
from infinitedance_cli.stages.render.studio import moment
from infinitedance_cli.stages.render.take import prepare
from infinitedance_cli.testing import example_clip
from tests.stages.render.scenes import context

__all__ = ["context"]

SIDE = 512
BODY_JOINTS = {
    "left_shoulder": 11,
    "right_shoulder": 12,
    "left_elbow": 13,
    "right_elbow": 14,
    "left_wrist": 15,
    "right_wrist": 16,
    "left_hip": 23,
    "right_hip": 24,
    "left_knee": 25,
    "right_knee": 26,
    "left_ankle": 27,
    "right_ankle": 28,
}
"""Joints of the drawn body and the landmarks that stand for them."""


@dataclass(frozen=True, eq=False)
class Dancer:
    """Pictures (SIDE, SIDE, 3) of one dancer at 30 fps, and where the joints are in them: `pixels` (T, 55, 2), and
    `metres` (T, 55, 3) in the camera's axes: x right, y down, z away."""

    pictures: list[NDArray[np.uint8]]
    pixels: NDArray[np.float64]
    metres: NDArray[np.float64]

    def pixel(self, frame: int, joint: str) -> NDArray[np.float64]:
        return self.pixels[frame, SMPLX_JOINT_NAMES.index(joint)]

    @property
    def height(self) -> float:
        """How many pixels the dancer is high."""
        return float(np.ptp(self.pixels[0, :, 1]))


@pytest.fixture(scope="session")
def dancer(context: Any) -> Dancer:
    """Twelve pictures of a dancer who faces the camera and moves arms and legs."""
    cell = Cell(0, 0, SIDE, SIDE)
    config = RenderConfig(size=(SIDE, SIDE), trail=False)
    take = prepare(example_clip(12), config, cell.aspect)
    painter = Painter(context, SIDE, SIDE)
    figure = painter.load(take.figure)
    pictures, pixels, metres = [], [], []
    for frame in range(12):
        painter.paint(figure, moment(take, frame, cell, config), cell)
        pictures.append(np.ascontiguousarray(painter.read()[..., :3]))
        view = take.path.view(frame, cell.aspect)
        joints = take.joints[frame].astype(float)
        pixels.append((view.project(joints)[:, :2] * (0.5, -0.5) + 0.5) * SIDE)
        metres.append((joints - joints[0]) @ np.asarray(view.axes).T * (1, -1, -1))
    return Dancer(pictures, np.array(pixels), np.array(metres))


@pytest.fixture(scope="session")
def reader(blazepose: Path) -> Iterator[LandmarkReader]:
    with LandmarkReader() as made:
        yield made
