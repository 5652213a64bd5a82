from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.stages.render.camera import View, camera_axes, camera_path, facing, perspective
from infinitedance_cli.stages.render.config import RenderConfig, ViewConfig
from infinitedance_cli.stages.render.take import at_one_scale, prepare
from tests.stages.render.scenes import standing_clip, walking_clip


def test_projection_of_a_point_at_the_edge() -> None:
    # 90 degrees: at 2 m the picture is 4 m high, and 8 m wide at an aspect of 2.
    view = View(np.array([0.0, 1.0, 2.0]), camera_axes(0.0, 0.0), perspective(np.pi / 2, 2.0))
    points = np.array([[0.0, 1.0, 0.0], [4.0, 3.0, 0.0], [-2.0, 0.0, 0.0]])
    np.testing.assert_allclose(view.project(points), [[0, 0], [1, 1], [-0.5, -0.5]], atol=1e-12)
    np.testing.assert_allclose(view.depth(points), [2, 2, 2])
    assert view.horizon == pytest.approx(0.5)


def test_horizon_of_a_camera_that_looks_down() -> None:
    # Looking down by half the field of view puts the horizon on the picture's upper edge.
    view = View(np.array([0.0, 1.0, 2.0]), camera_axes(0.3, np.pi / 12), perspective(np.pi / 6, 1.5))
    assert view.horizon == pytest.approx(1.0)
    far = view.eye - 1e6 * view.axes[2] * [1, 0, 1]
    assert 0.5 + 0.5 * view.project(far)[1] == pytest.approx(1.0, abs=1e-5)


def test_right_is_right_of_a_camera_in_front() -> None:
    right, up, back = camera_axes(np.pi / 2, 0.0)  # it stands at +X and looks along -X
    np.testing.assert_allclose((right, up, back), ([0, 0, -1], [0, 1, 0], [1, 0, 0]), atol=1e-12)


@pytest.mark.parametrize("camera", ["follow", "fixed", "orbit"])
@pytest.mark.parametrize("aspect", [0.4, 16 / 9])
def test_every_joint_stays_in_the_picture(camera: str, aspect: float) -> None:
    clip = walking_clip(120, speed=3.0)
    joints = clip.joint_positions()
    path = camera_path(clip, joints, aspect, ViewConfig(camera=camera))  # type: ignore[arg-type]
    for frame in range(clip.frames):
        assert np.abs(path.view(frame, aspect).project(joints[frame])).max() < 1


def test_foot_room_is_left_free() -> None:
    clip = standing_clip(3)
    joints = clip.joint_positions()
    path = camera_path(clip, joints, 0.5, ViewConfig(), foot_room=0.1)
    floor = np.array([0.0, 0.0, 0.0])
    assert path.view(0, 0.5).project(floor)[1] > -0.8


def test_the_camera_does_not_tremble_with_the_dancer() -> None:
    clip = walking_clip(150)
    joints = clip.joint_positions()
    path = camera_path(clip, joints, 1.5, ViewConfig())
    dancer = np.abs(np.diff(joints[:, 0], n=2, axis=0)).max()
    eyes = np.stack([path.view(frame, 1.5).eye for frame in range(clip.frames)])
    assert np.abs(np.diff(eyes, n=2, axis=0)).max() < 0.02 * dancer
    middle = slice(45, 105)
    assert np.abs(path.targets[middle, 0] - joints[middle, 0, 0]).max() < 0.05


def test_a_fixed_camera_stands_still_and_an_orbit_closes() -> None:
    clip = walking_clip(61)
    joints = clip.joint_positions()
    fixed = camera_path(clip, joints, 1.5, ViewConfig(camera="fixed"))
    assert np.ptp(fixed.targets, axis=0).max() == 0 and np.ptp(fixed.distances) == 0
    orbit = camera_path(clip, joints, 1.5, ViewConfig(camera="orbit", orbit_s=2.0))
    assert orbit.yaws[60] - orbit.yaws[0] == pytest.approx(2 * np.pi)


def test_takes_that_are_compared_have_one_scale() -> None:
    short, wide = standing_clip(4), walking_clip(60, speed=4.0)
    takes = [prepare(clip, RenderConfig(), 0.5) for clip in (short, wide)]
    near, far = (take.path.distances for take in takes)
    one, other = (take.path.distances for take in at_one_scale(takes))
    np.testing.assert_array_equal(one, np.maximum(near, far[:4]))
    np.testing.assert_array_equal(other, np.maximum(far, near.max()))


def test_facing_is_where_the_dance_looks() -> None:
    clip = standing_clip(10)
    turned = clip.joint_rotation.copy()
    turned[:, 0] = rotation.about_axis("y", np.radians(40.0))
    assert facing(clip) == 0
    assert facing(replace(clip, joint_rotation=turned)) == pytest.approx(np.radians(40), abs=1e-4)
