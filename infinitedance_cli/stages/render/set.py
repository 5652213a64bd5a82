"""The set in which the dancer stands: a floor with a grid and a backdrop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.render.camera import View
from infinitedance_cli.stages.render.programs import load_program

if TYPE_CHECKING:
    import moderngl

Floats = NDArray[np.floating]

GRID_SPACING = 0.5
"""Metres between the lines on the floor."""


class SetPainter:
    """Fills the viewport in use with floor and backdrop."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._floor = load_program(context, "screen.vert", "floor.frag")
        self._backdrop = load_program(context, "screen.vert", "backdrop.frag")
        self._floor_array = context.vertex_array(self._floor, [])
        self._backdrop_array = context.vertex_array(self._backdrop, [])

    def paint(self, view: View, rectangle: tuple[int, int, int, int], centre: Floats) -> None:
        """Draw the set around a dancer at `centre` (3,) into a `rectangle` of pixels as OpenGL counts them."""
        context = self._context
        left, bottom, width, height = rectangle
        horizon = view.horizon
        row = int(np.clip(np.ceil(horizon * height), 0, height))
        context.enable_only(context.NOTHING)
        if row < height:
            context.scissor = (left, bottom + row, width, height - row)
            self._backdrop["horizon"] = horizon
            self._backdrop["steepness"] = 2 / view.projection[1, 1]
            self._backdrop_array.render(context.TRIANGLES, vertices=3)
        if row > 0:
            context.scissor = (left, bottom, width, row)
            self._set_floor(view, centre)
            self._floor_array.render(context.TRIANGLES, vertices=3)
        context.scissor = None

    def _set_floor(self, view: View, centre: Floats) -> None:
        floor = self._floor
        right, up, back = view.axes
        half_width, half_height = 1 / view.projection[0, 0], 1 / view.projection[1, 1]
        floor["eye"] = (view.eye[0], view.eye[2])
        floor["eye_height"] = float(view.eye[1])
        floor["ray_corner"] = tuple(-back - right * half_width - up * half_height)
        floor["ray_right"] = tuple(2 * half_width * right)
        floor["ray_up"] = tuple(2 * half_height * up)
        floor["centre"] = (centre[0], centre[2])
        floor["spacing"] = GRID_SPACING
