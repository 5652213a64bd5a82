from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.render.config import RenderConfig, ViewConfig
from infinitedance_cli.stages.render.painter import Cell, Painter, body_box
from infinitedance_cli.stages.render.studio import moment
from infinitedance_cli.stages.render.take import Take, prepare
from tests.stages.render.scenes import standing_clip

WIDTH, HEIGHT = 320, 180
WHOLE = Cell(0, 0, WIDTH, HEIGHT)
BLUE_SUIT = (0.1, 0.2, 0.9)


def paint(gl: Any, clip: MotionClip, **settings: Any) -> tuple[NDArray[np.int64], Take]:
    """The first frame of a clip (HEIGHT, WIDTH, 3), and its take."""
    config = RenderConfig(size=(WIDTH, HEIGHT), trail=False, **settings)
    take = replace(prepare(clip, config, WHOLE.aspect), colour=BLUE_SUIT)
    painter = Painter(gl, WIDTH, HEIGHT)
    painter.paint(painter.load(take.figure), moment(take, 0, WHOLE, config), WHOLE)
    return painter.read()[..., :3].astype(np.int64), take


def pixel_of(take: Take, point: NDArray[np.floating], frame: int = 0) -> tuple[int, int]:
    """Row and column at which a world point is drawn."""
    x, y = take.path.view(frame, WHOLE.aspect).project(np.asarray(point, float))
    return int((0.5 - 0.5 * y) * HEIGHT), int((0.5 + 0.5 * x) * WIDTH)


def joint(take: Take, name: str) -> NDArray[np.float32]:
    return take.joints[0, SMPLX_JOINT_NAMES.index(name)]


def is_suit(colour: NDArray[np.integer]) -> bool:
    return bool(colour[2] > colour[0] + 40)


def test_the_body_is_drawn_where_its_joints_are(context: Any) -> None:
    picture, take = paint(context, standing_clip())
    for name in ("spine2", "left_knee", "right_knee", "left_elbow", "right_elbow"):
        assert is_suit(picture[pixel_of(take, joint(take, name))]), name
    for name in ("head", "left_middle1", "right_middle1"):
        assert not is_suit(picture[pixel_of(take, joint(take, name))]), name
    under_arm = 0.5 * (joint(take, "left_elbow") + joint(take, "left_knee"))
    assert not is_suit(picture[pixel_of(take, under_arm)])


def test_the_shadow_falls_where_the_light_throws_it(context: Any) -> None:
    picture, take = paint(context, standing_clip(), view=ViewConfig(pitch=60, zoom=0.5))
    chest = joint(take, "spine3")
    # The lamp stands 0.55 to the left and 0.62 to the front for each 1.25 up.
    thrown = np.array([chest[0] + 0.55 / 1.25 * chest[1], 0.0, chest[2] - 0.62 / 1.25 * chest[1]])
    lit = thrown * [-1, 0, 1]  # on the other side nothing stands in the light
    assert picture[pixel_of(take, thrown)].sum() < 0.85 * picture[pixel_of(take, lit)].sum()


def test_the_contact_shadow_goes_when_the_dancer_jumps(context: Any) -> None:
    def darkness(height: float) -> float:
        picture, take = paint(context, standing_clip(height=height), view=ViewConfig(pitch=3))
        heel = take.joints[0, SMPLX_JOINT_NAMES.index("left_ankle")] * [1, 0, 1]
        return float(picture[pixel_of(take, heel + [0.0, 0, 0.2])].sum())

    assert darkness(0.0) < 0.93 * darkness(0.5)


def test_what_sinks_into_the_floor_is_hidden(context: Any) -> None:
    level, sunk = (paint(context, standing_clip(height=height)) for height in (0.0, -0.45))
    knee = joint(level[1], "left_knee")
    assert is_suit(level[0][pixel_of(level[1], knee)])
    picture, take = sunk
    # The shin is under the floor now: the pixels below the line at which the thigh enters it show floor.
    shin = joint(take, "left_knee") + [0, -0.15, 0]
    assert shin[1] < -0.05
    assert not is_suit(picture[pixel_of(take, shin)])
    assert is_suit(picture[pixel_of(take, joint(take, "left_hip") + [0.0, -0.15, 0])])


def test_the_lamp_is_on_the_left(context: Any) -> None:
    picture, take = paint(context, standing_clip())
    head = joint(take, "head") + [0, 0.09, 0.03]
    lit = picture[pixel_of(take, head + [-0.05, 0, 0])].sum()
    assert lit > picture[pixel_of(take, head + [0.06, 0, 0])].sum() + 20


def test_cells_do_not_touch_one_another(context: Any) -> None:
    config = RenderConfig(size=(WIDTH, HEIGHT), trail=False)
    painter = Painter(context, WIDTH, HEIGHT)
    left, right = Cell(0, 0, 160, HEIGHT), Cell(160, 0, 160, HEIGHT)
    take = prepare(standing_clip(), config, left.aspect)
    figure = painter.load(take.figure)
    painter.clear((1.0, 0.0, 0.0))
    painter.paint(figure, moment(take, 0, right, config), right)
    picture = painter.read()[..., :3]
    assert (picture[:, :160] == [255, 0, 0]).all()
    assert not (picture[:, 160:] == [255, 0, 0]).all(axis=-1).any()
    painter.paint(figure, moment(take, 0, left, config), left)
    both = painter.read()
    assert np.abs(both[:, :160].astype(int) - both[:, 160:]).max() <= 1


def test_marks_are_drawn_on_demand(context: Any) -> None:
    plain, take = paint(context, standing_clip(), view=ViewConfig(pitch=80))
    marked, _ = paint(context, standing_clip(), view=ViewConfig(pitch=80), contacts=True)
    beside_toe = pixel_of(take, joint(take, "left_foot") * [1, 0, 1] + [0.055, 0, 0])
    red, _, blue = marked[beside_toe] - plain[beside_toe]
    assert red > blue + 60  # orange is left
    beside_toe = pixel_of(take, joint(take, "right_foot") * [1, 0, 1] - [0.055, 0, 0])
    red, _, blue = marked[beside_toe] - plain[beside_toe]
    assert blue > red + 30


@pytest.mark.parametrize("place", [0.0, 0.9])
def test_the_box_holds_the_body_and_ends_at_whole_blocks(place: float) -> None:
    config = RenderConfig()
    take = prepare(standing_clip(), config, 1.5)
    view = take.path.view(0, 1.5)
    cell = Cell(10, 20, 600, 400)
    joints = take.joints[0] + view.axes[0] * place
    box = body_box(view, joints, cell)
    assert box is not None and box.width % 128 == box.height % 128 == 0
    places = (view.project(joints) * [0.5, -0.5] + 0.5) * [600, 400]
    inside = places[(places[:, 0] > 0) & (places[:, 0] < 600)]
    assert (inside >= [box.left, box.top]).all()
    assert (inside <= [box.left + box.width, box.top + box.height]).all()
    assert body_box(view, joints + 100 * view.axes[0], cell) is None


def test_many_sizes_of_bodies_are_drawn_in_turn(context: Any) -> None:
    config = RenderConfig(trail=False)
    painter = Painter(context, 1280, 720)
    take = prepare(standing_clip(1), config, 16 / 9)
    figure = painter.load(take.figure)
    pictures = []
    for width in [*range(100, 1280, 100), 100]:
        cell = Cell(0, 0, width, 720)
        painter.clear()
        painter.paint(figure, moment(take, 0, cell, config, take.path.view(0, cell.aspect)), cell)
        pictures.append(painter.read())
    np.testing.assert_array_equal(pictures[0], pictures[-1])
    assert pictures[0][..., :3].std() > 10
