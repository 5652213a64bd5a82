"""Hovering is taken out, jumps and floor work stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.ground import ground, lowest_point
from infinitedance_cli.motion.skeleton import default_skeleton


def standing(frames: int, height: np.ndarray | float = 0.0) -> MotionClip:
    skeleton = default_skeleton()
    root = np.tile(skeleton.offsets[0], (frames, 1))
    root[:, 1] += height
    return MotionClip("standing", skeleton, 30.0, root.astype(np.float32), rotation.identity(frames, 55))


def test_a_standing_body_touches_the_floor() -> None:
    np.testing.assert_allclose(lowest_point(standing(5)), 0, atol=1e-5)


def test_hovering_for_two_seconds_is_lowered_and_nothing_else_moves() -> None:
    hovering = standing(90, 0.2)
    grounded = ground(hovering)
    np.testing.assert_allclose(lowest_point(grounded), 0, atol=1e-5)
    np.testing.assert_array_equal(grounded.root_position[:, [0, 2]], hovering.root_position[:, [0, 2]])
    np.testing.assert_array_equal(grounded.joint_rotation, hovering.joint_rotation)


def test_a_jump_of_half_a_second_stays() -> None:
    flight = np.zeros(90)
    flight[40:55] = 0.3 * np.sin(np.linspace(0, np.pi, 15))
    jumping = standing(90, flight)
    np.testing.assert_allclose(ground(jumping).root_position, jumping.root_position, atol=1e-4)


def test_a_handstand_stands_on_its_hands() -> None:
    clip = standing(60)
    upside_down = clip.joint_rotation.copy()
    upside_down[:, 0] = rotation.about_axis("z", np.full(60, np.pi))
    turned = replace(clip, joint_rotation=upside_down)
    lifted = replace(turned, root_position=turned.root_position + np.array([0, 1, 0], np.float32))
    heights = lowest_point(ground(lifted))
    np.testing.assert_allclose(heights, 0, atol=1e-4)
    assert lowest_point(lifted).min() > 0.5


def test_sinking_is_raised() -> None:
    np.testing.assert_allclose(lowest_point(ground(standing(60, -0.05))), 0, atol=1e-5)
