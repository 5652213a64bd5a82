"""Draws one dancer into a rectangle of a picture: shadow, floor, what lies on it, then the body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.render.camera import FLESH, View
from infinitedance_cli.stages.render.figure import Figure
from infinitedance_cli.stages.render.flat import FlatPainter, Ribbon, Spot, floor_plane, picture_plane
from infinitedance_cli.stages.render.programs import column_major, load_program
from infinitedance_cli.stages.render.set import SetPainter
from infinitedance_cli.stages.render.shadows import REACH, ShadowPainter

if TYPE_CHECKING:
    import moderngl

    _Target = tuple[moderngl.Framebuffer, moderngl.Framebuffer, moderngl.Texture]

Floats = NDArray[np.floating]

_SAMPLES = 4
_BLOCK = 128
"""Sizes of the multisampled targets are multiples of this, so that few are made."""
_MOST_TARGETS = 8
_MOST_JOINTS = 256
_FINEST_DETAIL = 0.003
_BOX_MARGIN = 1.5
_SINKING = 0.06
"""Height of a joint in metres below which skin may be under the floor."""
_FLOOR_DEPTH = 0.004
"""What sinks less than this is still drawn: soles are not flat to the millimetre."""
_VERTEX_LAYOUT = ("3f 3f 4f1 4u1 4f1", "in_position", "in_normal", "in_colour", "in_joints", "in_weights")
_VERTEX = np.dtype(
    [("position", "f4", 3), ("normal", "f4", 3), ("colour", "u1", 4), ("joints", "u1", 4), ("weights", "u1", 4)]
)


@dataclass(frozen=True)
class Cell:
    """A rectangle of the picture in pixels, from the upper left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height


@dataclass(frozen=True)
class Moment:
    """One dancer at one frame: joint `matrices` (J, 3, 4), world `joints` (J', 3), the `view`, and what is marked.

    `floor` shapes and `ribbons` lie under the body, `overlay` shapes (pixels of the cell) over everything.
    """

    matrices: NDArray[np.float32]
    joints: Floats
    view: View
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ribbons: Sequence[Ribbon] = ()
    floor: Sequence[Spot] = ()
    overlay: Sequence[Spot] = ()
    to_light: Floats = field(default_factory=lambda: np.array([0.0, 1.0, 0.0]))


class LoadedFigure:
    """A figure's buffers in the context."""

    def __init__(self, context: moderngl.Context, figure: Figure, detail: float) -> None:
        self._context = context
        shown = figure.coarse(detail) if detail > _FINEST_DETAIL else figure
        self._meshes = {coarse: self._upload(mesh) for coarse, mesh in ((False, shown), (True, figure.coarse()))}
        self._joints = context.buffer(reserve=_MOST_JOINTS * 3 * 16)
        self._arrays: dict[tuple[int, bool], moderngl.VertexArray] = {}

    def _upload(self, figure: Figure) -> tuple[moderngl.Buffer, moderngl.Buffer]:
        rows = np.zeros(len(figure.vertices), _VERTEX)
        rows["position"], rows["normal"] = figure.vertices, figure.normals
        rows["colour"] = np.rint(figure.colours * 255)
        rows["joints"], rows["weights"] = figure.joint_indices, np.rint(figure.joint_weights * 255)
        return self._context.buffer(rows.tobytes()), self._context.buffer(figure.faces.tobytes())

    def pose(self, matrices: NDArray[np.float32]) -> None:
        """Take the joint matrices (J, 3, 4) of a frame."""
        self._joints.write(np.ascontiguousarray(matrices, np.float32).tobytes())
        self._joints.bind_to_uniform_block(0)

    def draw(self, program: moderngl.Program, *, coarse: bool = False) -> None:
        """Draw the mesh, or its coarse form, with a program that skins."""
        key = (program.glo, coarse)
        if key not in self._arrays:
            vertices, faces = self._meshes[coarse]
            self._arrays[key] = self._context.vertex_array(
                program, [(vertices, *_VERTEX_LAYOUT)], faces, skip_errors=True
            )
        self._arrays[key].render()

    def release(self) -> None:
        """Give the buffers back."""
        for array in self._arrays.values():
            array.release()
        for vertices, faces in self._meshes.values():
            vertices.release()
            faces.release()
        self._joints.release()


class Painter:
    """The drawing targets of pictures of one size, and the programs that fill them."""

    def __init__(self, context: moderngl.Context, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._context = context
        self._picture = context.simple_framebuffer((width, height), 4)
        self._body = load_program(context, "body.vert", "body.frag")
        self._copy = load_program(context, "screen.vert", "texture.frag")
        self._ground = load_program(context, "ground.vert", "ground.frag")
        self._copy_array = context.vertex_array(self._copy, [])
        self._ground_array = context.vertex_array(self._ground, [])
        self._shadows = ShadowPainter(context)
        self._set = SetPainter(context)
        self._flat = FlatPainter(context)
        self._targets: dict[tuple[int, int], _Target] = {}
        context.blend_func = (context.ONE, context.ONE_MINUS_SRC_ALPHA)

    def load(self, figure: Figure, detail: float = 0.0) -> LoadedFigure:
        """A figure, ready to be drawn often; `detail` is the size in metres of what is too small to be seen."""
        return LoadedFigure(self._context, figure, detail)

    def clear(self, colour: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
        """Fill the whole picture."""
        self._picture.clear(*colour, 1.0)

    def paint(self, figure: LoadedFigure, moment: Moment, cell: Cell) -> None:
        """Draw the dancer in the studio."""
        figure.pose(moment.matrices)
        centre = moment.joints[0]
        self._shadows.paint(figure, centre, moment.to_light)
        self._use_picture(cell)
        self._set.paint(moment.view, self._rectangle(cell), centre)
        plane = floor_plane(moment.view)
        self._shadows.cast(plane, moment.joints, moment.to_light)
        for ribbon in moment.ribbons:
            self._flat.ribbon(ribbon, plane)
        self._flat.spots(moment.floor, plane, margin=0.01)
        self._body["eye"] = tuple(moment.view.eye)
        self._body["to_light"] = tuple(moment.to_light)
        self._body["take_colour"] = moment.colour
        self._body["light_depth"] = 0
        self._body["world_to_light"].write(column_major(self._shadows.world_to_light))  # type: ignore[union-attr]
        self._shadows.light_depth.use(0)
        self._paint_body(self._body, figure, moment, cell)
        self._flat.spots(moment.overlay, picture_plane(cell.width, cell.height), margin=1.0)

    def paint_flat(self, spots: Sequence[Spot], cell: Cell) -> None:
        """Draw flat shapes alone, in pixels of the cell."""
        self._use_picture(cell)
        self._context.enable_only(self._context.BLEND)
        self._flat.spots(spots, picture_plane(cell.width, cell.height), margin=1.0)

    def paint_plain(self, program: moderngl.Program, figure: LoadedFigure, moment: Moment, cell: Cell) -> None:
        """Draw the body alone, unlit, with a program that knows `world_to_clip` and may know `world_to_view`."""
        figure.pose(moment.matrices)
        if "world_to_view" in program:
            look = np.eye(4)
            look[:3, :3], look[:3, 3] = moment.view.axes, -moment.view.axes @ moment.view.eye
            program["world_to_view"].write(column_major(look))  # type: ignore[union-attr]
        self._paint_body(program, figure, moment, cell)

    def _use_picture(self, cell: Cell) -> None:
        self._picture.use()
        self._context.viewport = self._rectangle(cell)

    def _rectangle(self, cell: Cell) -> tuple[int, int, int, int]:
        """A cell as OpenGL counts: from the lower left corner."""
        return cell.left, self.height - cell.top - cell.height, cell.width, cell.height

    def _paint_body(self, program: moderngl.Program, figure: LoadedFigure, moment: Moment, cell: Cell) -> None:
        """Draw the body with smooth edges: multisampled, in the part of the cell that it covers, then laid over."""
        context = self._context
        box = body_box(moment.view, moment.joints, cell)
        if box is None:
            return
        sampled, resolved, texture = self._target(box.width, box.height)
        sampled.use()
        context.viewport = (0, 0, box.width, box.height)
        sampled.clear(0.0, 0.0, 0.0, 0.0)
        context.enable_only(context.DEPTH_TEST | context.CULL_FACE)
        crop = crop_matrix(box, cell)
        if moment.joints[:, 1].min() < _SINKING:
            self._hide_below_floor(crop @ floor_plane(moment.view, lift=-_FLOOR_DEPTH), moment.joints[0])
        program["world_to_clip"].write(column_major(crop @ moment.view.world_to_clip))  # type: ignore[union-attr]
        figure.draw(program)
        context.copy_framebuffer(resolved, sampled)
        self._use_picture(Cell(cell.left + box.left, cell.top + box.top, box.width, box.height))
        context.scissor = self._rectangle(cell)
        context.enable_only(context.BLEND)
        texture.use(0)
        self._copy["source"] = 0
        self._copy_array.render(context.TRIANGLES, vertices=3)
        context.scissor = None
        self._use_picture(cell)

    def _hide_below_floor(self, plane: Floats, centre: Floats) -> None:
        self._ground["flat_to_clip"].write(column_major(plane))  # type: ignore[union-attr]
        self._ground["centre"], self._ground["reach"] = (centre[0], centre[2]), 2 * REACH
        self._context.disable(self._context.CULL_FACE)
        self._ground_array.render(self._context.TRIANGLE_STRIP, vertices=4)
        self._context.enable(self._context.CULL_FACE)

    def _target(self, width: int, height: int) -> _Target:
        """A multisampled framebuffer of this size, the plain one that it is resolved into, and its texture."""
        if (width, height) not in self._targets:
            context, size = self._context, (width, height)
            colour, depth = (
                context.renderbuffer(size, 4, samples=_SAMPLES),
                context.depth_renderbuffer(size, samples=_SAMPLES),
            )
            if len(self._targets) >= _MOST_TARGETS:
                self._release(next(iter(self._targets)))
            texture = context.texture(size, 4)
            sampled, resolved = context.framebuffer([colour], depth), context.framebuffer([texture])
            self._targets[width, height] = sampled, resolved, texture
        self._targets[width, height] = self._targets.pop((width, height))  # the last one used goes last
        return self._targets[width, height]

    def _release(self, size: tuple[int, int]) -> None:
        sampled, resolved, texture = self._targets.pop(size)
        for attachment in (*sampled.color_attachments, sampled.depth_attachment, sampled, resolved, texture):
            attachment.release()

    def read(self) -> NDArray[np.uint8]:
        """A copy of the picture (height, width, 4), first row on top."""
        rows = np.empty((self.height, self.width, 4), np.uint8)
        self._picture.read_into(rows, components=4, alignment=1)
        return rows[::-1]


def body_box(view: View, joints: Floats, cell: Cell) -> Cell | None:
    """The part of the cell that the body around world `joints` (J, 3) covers; None when it is out of the picture.

    Its size is a multiple of 128 pixels, so it may reach over the cell's edge.
    """
    depth = np.maximum(view.depth(joints), 2 * FLESH)
    radius = _BOX_MARGIN * FLESH * view.projection[1, 1] / depth * cell.height / 2
    place = (view.project(joints) * [0.5, -0.5] + 0.5) * [cell.width, cell.height]
    low = np.maximum((place - radius[:, None]).min(axis=0), 0)
    high = np.minimum((place + radius[:, None]).max(axis=0), [cell.width, cell.height])
    if (high <= low).any():
        return None
    left, top = np.floor(low).astype(int)
    width, height = (np.ceil((high - [left, top]) / _BLOCK) * _BLOCK).astype(int)
    return Cell(int(left), int(top), int(width), int(height))


def crop_matrix(box: Cell, cell: Cell) -> Floats:
    """Matrix (4, 4) from the clip space of a cell to that of a box in it."""
    scale_x, scale_y = cell.width / box.width, cell.height / box.height
    centre_x = 2 * (box.left + box.width / 2) / cell.width - 1
    centre_y = 1 - 2 * (box.top + box.height / 2) / cell.height
    return np.array(
        [[scale_x, 0, 0, -centre_x * scale_x], [0, scale_y, 0, -centre_y * scale_y], [0, 0, 1, 0], [0, 0, 0, 1]]
    )
