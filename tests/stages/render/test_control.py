from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.render.camera import View, camera_axes, perspective
from infinitedance_cli.stages.render.config import RenderConfig, ViewConfig
from infinitedance_cli.stages.render.control import body_segments, dwpose_spots, viridis
from infinitedance_cli.stages.render.figure import joint_matrices
from infinitedance_cli.stages.render.outputs.control import pictures
from infinitedance_cli.stages.render.painter import Painter
from infinitedance_cli.stages.render.pose_points import BODY_POINTS, PoseFinder
from infinitedance_cli.stages.render.renderers import body
from infinitedance_cli.stages.render.take import Take, prepare
from tests.stages.render.scenes import standing_clip

SIZE = (256, 256)


def draw(context: Any, control: str, **view: Any) -> tuple[NDArray[np.int64], Take]:
    config = RenderConfig(size=SIZE, control=control, view=ViewConfig(**view))  # type: ignore[arg-type]
    take = prepare(standing_clip(2), config, 1.0)
    return next(iter(pictures(context, Painter(context, *SIZE), take, config)))[..., :3].astype(np.int64), take


def pixel_of(take: Take, point: NDArray[np.floating]) -> tuple[int, int]:
    x, y = take.path.view(0, 1.0).project(np.asarray(point, float))
    return int((0.5 - 0.5 * y) * SIZE[1]), int((0.5 + 0.5 * x) * SIZE[0])


def joint(take: Take, name: str) -> NDArray[np.float32]:
    return take.joints[0, SMPLX_JOINT_NAMES.index(name)]


def test_depth_is_bright_where_the_body_is_near(context: Any) -> None:
    # From the dancer's left the left hand comes toward the camera, the right one is behind the body.
    picture, take = draw(context, "depth", yaw=60.0, pitch=5.0)
    near, middle, far = (
        picture[pixel_of(take, joint(take, name))] for name in ("left_middle1", "spine2", "right_elbow")
    )
    assert near[0] > middle[0] + 20 and middle[0] > far[0] + 10 > 30
    assert near[0] == near[1] == near[2]
    assert picture[0, 0].max() == 0


def test_normals_are_those_of_the_camera(context: Any) -> None:
    picture, take = draw(context, "normal", pitch=0.0)
    forearm = 0.5 * (joint(take, "left_elbow") + joint(take, "left_wrist"))
    # A level arm, seen from the front: the middle looks into the camera (blue), its upper edge up (green).
    row, column = pixel_of(take, forearm)
    assert picture[row, column][2] > 235 and abs(picture[row, column][0] - 128) < 30
    covered = np.flatnonzero(picture[:, column].sum(axis=1))
    assert picture[covered[1], column][1] > 165 and picture[covered[-2], column][1] < 100


def test_dwpose_marks_each_joint_in_its_colour(context: Any) -> None:
    picture, take = draw(context, "dwpose")
    for name, colour in (
        ("right_elbow", (255, 255, 0)),
        ("left_elbow", (0, 255, 0)),
        ("right_knee", (0, 255, 255)),
        ("left_knee", (0, 0, 255)),
    ):
        found = picture[pixel_of(take, joint(take, name))]
        assert np.abs(found - colour).max() < 60, (name, found)


def test_a_dancer_who_turns_away_shows_no_face() -> None:
    figure = body.figure(standing_clip(1))
    matrices = joint_matrices(figure, standing_clip(1))[0]
    finder = PoseFinder(figure)

    def seen(yaw: float) -> set[str]:
        axes = camera_axes(np.radians(yaw), 0.0)
        view = View(np.array([0, 1.5, 0]) + 4 * axes[2], axes, perspective(0.6, 1.0))
        points = finder.find(matrices, view)
        return {name for name, visible in zip(BODY_POINTS, points.seen, strict=True) if visible}

    face = {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}
    assert seen(0) & face == face
    assert seen(180) & face == {"left_ear", "right_ear"}
    assert "right_ear" not in seen(80) and "left_ear" in seen(80)
    assert len(seen(180) - face) == 13


def test_points_of_the_face_and_hands_lie_on_the_skin() -> None:
    figure = body.figure(standing_clip(1))
    axes = camera_axes(0.0, 0.0)
    view = View(np.array([0.0, 1.0, 4.0]), axes, perspective(0.6, 1.0))
    points = PoseFinder(figure).find(joint_matrices(figure, standing_clip(1))[0], view)
    named = dict(zip(BODY_POINTS, points.body, strict=True))
    assert named["nose"][2] > named["left_eye"][2] and abs(named["nose"][0]) < 0.01
    assert named["left_ear"][0] > 0.06 and named["right_ear"][0] < -0.06
    lengths = np.linalg.norm(np.diff(points.hands[0][5:9], axis=0), axis=1)  # the left index finger
    assert (lengths > 0.012).all() and lengths.sum() < 0.11
    np.testing.assert_allclose(points.hands[1], points.hands[0] * [-1, 1, 1], atol=0.004)


def test_dwpose_spots_scale_with_the_picture() -> None:
    figure = body.figure(standing_clip(1))
    view = View(np.array([0.0, 1.0, 6.0]), camera_axes(0.0, 0.0), perspective(0.6, 1.0))
    points = PoseFinder(figure).find(joint_matrices(figure, standing_clip(1))[0], view)
    small, large = dwpose_spots(points, view, 512, 512), dwpose_spots(points, view, 1024, 1024)
    assert len(small) == len(large) == 17 + 18 + 2 * (20 + 21)
    np.testing.assert_allclose([s.centre for s in large], 2 * np.array([s.centre for s in small]))
    neck = next(spot for spot in small if spot.colour == (1.0, 85 / 255, 0.0, 1.0))
    assert neck.half_size == (4.0, 4.0) and neck.centre[0] == pytest.approx(256, abs=0.5)


def test_viridis_at_known_places() -> None:
    # The ends and the middle as matplotlib gives them.
    known = np.array([[0.267004, 0.004874, 0.329415], [0.127568, 0.566949, 0.550556], [0.993248, 0.906157, 0.143936]])
    np.testing.assert_allclose(viridis(np.array([0.0, 0.5, 1.0])), known, atol=0.015)


def test_every_part_is_drawn_where_it_belongs(context: Any) -> None:
    def part_at(picture: NDArray[np.int64], take: Take, point: NDArray[np.floating]) -> int:
        colours = np.rint(viridis(np.arange(25) / 24) * 255)
        return int(np.abs(colours - picture[pixel_of(take, point)]).max(axis=1).argmin())

    def middle(take: Take, one: str, other: str) -> NDArray[np.float32]:
        return 0.5 * (joint(take, one) + joint(take, other))

    for yaw, torso, upper_leg, lower_leg, forearm in ((0.0, 2, 10, 14, 21), (180.0, 1, 8, 12, 19)):
        picture, take = draw(context, "densepose-like", yaw=yaw)
        assert part_at(picture, take, middle(take, "spine1", "spine2")) == torso
        assert part_at(picture, take, middle(take, "left_hip", "left_knee")) == upper_leg
        assert part_at(picture, take, middle(take, "right_hip", "right_knee")) == upper_leg - 1
        assert part_at(picture, take, middle(take, "left_knee", "left_ankle")) == lower_leg
        assert part_at(picture, take, middle(take, "left_elbow", "left_wrist")) == forearm
        assert part_at(picture, take, middle(take, "left_wrist", "left_middle1")) == 4
        assert part_at(picture, take, middle(take, "right_wrist", "right_middle1")) == 3
        assert part_at(picture, take, joint(take, "head") + np.float32([0.03, 0.08, 0])) == 24
        assert tuple(picture[0, 0]) == tuple(np.rint(viridis(0.0) * 255).astype(int))


def test_the_parts_of_both_sides_mirror_each_other() -> None:
    segments = body_segments(body.figure(standing_clip(1)).rest_positions)
    assert {part for segment in segments for part in segment.parts} == set(range(1, 25))
    ends = {tuple(np.round(segment.end, 3) + 0.0) for segment in segments}
    assert ends == {(0.0 - x, y, z) for x, y, z in ends}
