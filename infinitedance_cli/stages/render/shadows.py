"""The two kinds of shadow: what the lamp throws on floor and body, and the dark where the body touches the floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.render.programs import column_major, load_program

if TYPE_CHECKING:
    import moderngl

    from infinitedance_cli.stages.render.painter import LoadedFigure

Floats = NDArray[np.floating]

REACH = 2.4
"""Half the edge in metres of the square of floor around the dancer that can be in the shadow."""
_FLOOR_SIZE = 256
_LIGHT_SIZE = 512
_LIGHT_REACH, _LIGHT_DEPTH = 1.5, 4.0
_CONTACT_FADING, _LAMP_FADING = 9.0, 0.45
"""How fast (1/m) a part of the body loses its shadow with its height over the floor."""
_EDGE = 0.35
"""How far a shadow reaches beyond those of the joints, metres: flesh and blur."""


class ShadowPainter:
    """Fills two textures a frame.

    One is of the floor, over a square of `REACH` about the dancer: red is the lamp's shadow, green the contact, both
    blurred; `cast` lays it over the picture. The other, `light_depth`, is the body's depth seen from the lamp, through
    `world_to_light`.
    """

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._drop = load_program(context, "floor_shadow.vert", "floor_shadow.frag")
        self._blur = load_program(context, "screen.vert", "blur.frag")
        self._depth = load_program(context, "light.vert", "nothing.frag")
        self._cast = load_program(context, "cast.vert", "cast.frag")
        self._blur_array = context.vertex_array(self._blur, [])
        self._cast_array = context.vertex_array(self._cast, [])
        size = (_FLOOR_SIZE, _FLOOR_SIZE)
        self._textures = [context.texture(size, 2) for _ in range(2)]
        for texture in self._textures:
            texture.repeat_x = texture.repeat_y = False
        self._targets = [context.framebuffer([texture]) for texture in self._textures]
        self.light_depth = context.depth_texture((_LIGHT_SIZE, _LIGHT_SIZE))
        self.light_depth.compare_func = "<="
        self.light_depth.repeat_x = self.light_depth.repeat_y = False
        self._light_target = context.framebuffer(depth_attachment=self.light_depth)
        self.world_to_light: Floats = np.eye(4)
        self._centre: Floats = np.zeros(2)

    def paint(self, figure: LoadedFigure, centre: Floats, to_light: Floats) -> None:
        """Fill both textures for a body whose pelvis is at `centre` (3,) under a lamp in the direction `to_light`."""
        self._centre = centre[[0, 2]].astype(float)
        self._paint_floor(figure, centre, to_light)
        self._paint_depth(figure, centre, to_light)

    def cast(self, plane: Floats, joints: Floats, to_light: Floats) -> None:
        """Darken the floor in the picture in use; `plane` takes the floor's x and z to its clip space."""
        context = self._context
        fall = joints[:, 1:2] * (to_light[[0, 2]] / to_light[1])
        spots = np.concatenate((joints[:, [0, 2]], joints[:, [0, 2]] - fall))
        low = np.maximum(spots.min(axis=0) - _EDGE, self._centre - REACH)
        high = np.minimum(spots.max(axis=0) + _EDGE, self._centre + REACH)
        self._cast["flat_to_clip"].write(column_major(plane))  # type: ignore[union-attr]
        self._cast["bounds"] = (*low, *high)
        self._cast["centre"], self._cast["reach"], self._cast["shadow"] = tuple(self._centre), REACH, 0
        self._textures[0].use(0)
        context.enable_only(context.BLEND)
        context.blend_func = (context.DST_COLOR, context.ZERO)
        self._cast_array.render(context.TRIANGLE_STRIP, vertices=4)
        context.blend_func = (context.ONE, context.ONE_MINUS_SRC_ALPHA)

    def _paint_floor(self, figure: LoadedFigure, centre: Floats, to_light: Floats) -> None:
        context = self._context
        target = self._targets[0]
        target.use()
        target.clear(0.0, 0.0, 0.0, 0.0)
        context.enable_only(context.BLEND)
        context.blend_equation = context.MAX  # type: ignore[assignment]
        context.blend_func = (context.ONE, context.ONE)
        self._drop["centre"] = (centre[0], centre[2])
        self._drop["reach"] = REACH
        slant = (to_light[0] / to_light[1], to_light[2] / to_light[1])
        for strength, fading, direction in (
            ((1.0, 0.0, 0.0, 0.0), _LAMP_FADING, slant),
            ((0.0, 1.0, 0.0, 0.0), _CONTACT_FADING, (0.0, 0.0)),
        ):
            self._drop["strength"], self._drop["fading"], self._drop["slant"] = strength, fading, direction
            figure.draw(self._drop, coarse=True)
        context.blend_equation = context.FUNC_ADD  # type: ignore[assignment]
        context.blend_func = (context.ONE, context.ONE_MINUS_SRC_ALPHA)
        self._soften()

    def _soften(self) -> None:
        context = self._context
        context.disable(context.BLEND)
        self._blur["source"] = 0
        for source, target, step in ((0, 1, (1.3, 0.0)), (1, 0, (0.0, 1.3))):
            self._targets[target].use()
            self._textures[source].use(0)
            self._blur["step"] = tuple(part / _FLOOR_SIZE for part in step)
            self._blur_array.render(context.TRIANGLES, vertices=3)

    def _paint_depth(self, figure: LoadedFigure, centre: Floats, to_light: Floats) -> None:
        context = self._context
        self.world_to_light = light_matrix(np.array([centre[0], max(centre[1], 0.3), centre[2]]), to_light)
        self._light_target.use()
        self._light_target.clear(depth=1.0)
        context.enable_only(context.DEPTH_TEST)
        self._depth["world_to_light"].write(column_major(self.world_to_light))  # type: ignore[union-attr]
        figure.draw(self._depth, coarse=True)


def light_matrix(centre: Floats, to_light: Floats) -> Floats:
    """Orthographic matrix (4, 4) of a lamp far away in the direction `to_light` that sees the body around `centre`."""
    back = to_light / np.linalg.norm(to_light)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    axes = np.stack((right / _LIGHT_REACH, np.cross(back, right) / _LIGHT_REACH, -back / _LIGHT_DEPTH))
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = -axes @ centre
    return matrix
