"""From a prepared take and a frame number to what the painter draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.render.camera import View
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.flat import Ribbon
from infinitedance_cli.stages.render.marks import beat_line, beat_ring, planted_spots
from infinitedance_cli.stages.render.painter import Cell, Moment
from infinitedance_cli.stages.render.take import Take

Floats = NDArray[np.floating]

_LAMP = np.array([-0.55, 1.25, 0.62])
"""Direction to the lamp in the dancer's studio: to the camera's left, up, toward the camera."""
_TRAIL_S = 5.0
_TRAIL_COLOUR = (0.86, 0.30, 0.38)


def moment(take: Take, frame: int, cell: Cell, config: RenderConfig, view: View | None = None) -> Moment:
    """One frame of a take, with the marks that the configuration asks for."""
    view = take.path.view(frame, cell.aspect) if view is None else view
    joints = take.joints[frame]
    floor = [
        *(planted_spots(take, frame) if config.contacts else ()),
        *(beat_ring(take, frame) if config.beats else ()),
    ]
    return Moment(
        matrices=take.matrices[frame],
        joints=joints,
        view=view,
        colour=take.colour,
        ribbons=[trail(take, frame)] if config.trail and frame > 1 else [],
        floor=floor,
        overlay=beat_line(take, frame, cell) if config.beats and len(take.beats) else (),
        to_light=lamp_direction(float(take.path.yaws[0])),
    )


def lamp_direction(yaw: float) -> Floats:
    """Unit vector to the lamp for a camera that looks from `yaw` radians."""
    right, front = np.array([np.cos(yaw), 0, -np.sin(yaw)]), np.array([np.sin(yaw), 0, np.cos(yaw)])
    direction = _LAMP[0] * right + _LAMP[2] * front + np.array([0, _LAMP[1], 0])
    return direction / np.linalg.norm(direction)


def trail(take: Take, frame: int) -> Ribbon:
    """The path of the pelvis over the floor in the last seconds, fading with age."""
    first = max(0, frame - round(_TRAIL_S * take.clip.fps))
    age = (frame - np.arange(first, frame + 1)) / (_TRAIL_S * take.clip.fps)
    return Ribbon(take.floor_path[first : frame + 1], 0.9 * (1 - age), _TRAIL_COLOUR)
