"""Standing feet come to rest, everything else of the motion stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.stance import carry_by_stance
from tests.motion.test_ground import standing


def gliding(speed: float, height: float = 0.0) -> MotionClip:
    """A standing body that glides along x at `speed` m/s."""
    clip = standing(60, height)
    path = np.zeros((60, 3), np.float32)
    path[:, 0] = speed * np.arange(60) / 30
    return replace(clip, root_position=clip.root_position + path)


def test_a_body_that_glides_on_both_feet_stands_still() -> None:
    rested = carry_by_stance(gliding(0.8))
    np.testing.assert_allclose(rested.root_position[:, 0], 0, atol=1e-4)


def test_a_standing_body_is_not_moved() -> None:
    clip = standing(30)
    np.testing.assert_allclose(carry_by_stance(clip).root_position, clip.root_position, atol=1e-6)


def test_whoever_is_in_the_air_travels_on() -> None:
    flying = gliding(1.0, height=0.3)
    np.testing.assert_array_equal(carry_by_stance(flying).root_position, flying.root_position)


def test_a_slide_faster_than_drift_is_left_alone() -> None:
    sliding = gliding(2.0)
    np.testing.assert_array_equal(carry_by_stance(sliding).root_position, sliding.root_position)


def test_rotations_and_height_stay() -> None:
    clip = gliding(0.5)
    rested = carry_by_stance(clip)
    np.testing.assert_array_equal(rested.joint_rotation, clip.joint_rotation)
    np.testing.assert_array_equal(rested.root_position[:, 1], clip.root_position[:, 1])
