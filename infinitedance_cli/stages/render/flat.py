"""Flat shapes and ribbons: on the floor (metres, x and z) or on the picture (pixels from the upper left corner)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.render.camera import View
from infinitedance_cli.stages.render.programs import column_major, load_program

if TYPE_CHECKING:
    import moderngl

Floats = NDArray[np.floating]
Colour = tuple[float, float, float, float]

_MOST_SPOTS = 1024
_FLOOR_LIFT = 0.002
ELLIPSE = -1.0


@dataclass(frozen=True)
class Spot:
    """A rounded box (`corner` its radius) or an ellipse (`corner` ELLIPSE) about `centre`.

    `half_size` along `axis` and across it; `outline` its width, 0 fills it; `softness` of the edge; lengths in metres
    on the floor and in pixels on the picture; `colour` red, green, blue, opacity in 0..1.
    """

    centre: tuple[float, float]
    half_size: tuple[float, float]
    colour: Colour
    corner: float = ELLIPSE
    outline: float = 0.0
    softness: float = 0.0
    axis: tuple[float, float] = (1.0, 0.0)

    def row(self) -> tuple[float, ...]:
        """The values that the shader reads."""
        return (*self.centre, *self.axis, *self.half_size, self.corner, self.outline, self.softness, *self.colour)


@dataclass(frozen=True)
class Ribbon:
    """A band of `width` metres on the floor along `points` (N, 2), x and z, with one `opacities` (N,) a point."""

    points: Floats
    opacities: Floats
    colour: tuple[float, float, float]
    width: float = 0.045

    def rows(self) -> Floats:
        """Vertices (2 N, 7) of a triangle strip: place, side, colour."""
        along = np.gradient(self.points, axis=0)
        length = np.linalg.norm(along, axis=1, keepdims=True)
        # Where the dancer stands still the band keeps the direction that it had.
        moving = length[:, 0] > 1e-4
        if not moving.any():
            return np.zeros((0, 7), np.float32)
        last = np.maximum.accumulate(np.where(moving, np.arange(len(moving)), -1))
        last[last < 0] = int(np.argmax(moving))
        across = (along / np.maximum(length, 1e-9))[last] @ np.array([[0.0, 1.0], [-1.0, 0.0]])
        rows = np.empty((len(self.points), 2, 7), np.float32)
        for index, side in enumerate((-1.0, 1.0)):
            rows[:, index, :2] = self.points + 0.5 * self.width * side * across
            rows[:, index, 2] = side
            rows[:, index, 3:6] = self.colour
            rows[:, index, 6] = self.opacities
        return rows.reshape(-1, 7)


def floor_plane(view: View, lift: float = _FLOOR_LIFT) -> Floats:
    """Matrix (4, 4) from the floor's x and z to clip space, `lift` metres above the floor."""
    lay = np.array([[1.0, 0, 0, 0], [0, 0, 0, lift], [0, 1, 0, 0], [0, 0, 0, 1]])
    return view.world_to_clip @ lay


def picture_plane(width: int, height: int) -> Floats:
    """Matrix (4, 4) from pixels, y down, to clip space."""
    return np.array([[2 / width, 0, 0, -1], [0, -2 / height, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]])


class FlatPainter:
    """Draws flat shapes into the framebuffer and viewport in use; colours are blended over what is there."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._spot = load_program(context, "spot.vert", "spot.frag")
        self._ribbon = load_program(context, "ribbon.vert", "ribbon.frag")
        self._rows = context.buffer(reserve=_MOST_SPOTS * 13 * 4)
        layout = (self._rows, "2f 2f 2f 3f 4f/i", "in_centre", "in_axis", "in_half_size", "in_shape", "in_colour")
        self._spots = context.vertex_array(self._spot, [layout])

    def spots(self, spots: Sequence[Spot], plane: Floats, margin: float) -> None:
        """Draw shapes in order; `margin` is the room for a smooth edge around each, in the units of the plane."""
        self._spot["flat_to_clip"].write(column_major(plane))  # type: ignore[union-attr]
        self._spot["margin"] = margin
        for start in range(0, len(spots), _MOST_SPOTS):
            rows = np.array([spot.row() for spot in spots[start : start + _MOST_SPOTS]], np.float32)
            self._rows.write(rows.tobytes())
            self._spots.render(self._context.TRIANGLE_STRIP, vertices=4, instances=len(rows))

    def ribbon(self, ribbon: Ribbon, plane: Floats) -> None:
        """Draw one band."""
        rows = ribbon.rows()
        if not len(rows):
            return
        self._ribbon["flat_to_clip"].write(column_major(plane))  # type: ignore[union-attr]
        buffer = self._context.buffer(rows.tobytes())
        array = self._context.vertex_array(self._ribbon, [(buffer, "2f 1f 4f", "in_spot", "in_side", "in_colour")])
        array.render(self._context.TRIANGLE_STRIP)
        array.release()
        buffer.release()
