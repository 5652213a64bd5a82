from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.body import build_body
from infinitedance_cli.stages.imitate.grounding import GroundingConfig, ground_reference, lowest_points, shivers
from tests.motion.samples import standing_clip


def grounded(clip: MotionClip, config: GroundingConfig | None = None) -> MotionClip:
    return ground_reference(clip, build_body(clip.skeleton), config or GroundingConfig())


def lifted(clip: MotionClip, height: float) -> MotionClip:
    return replace(clip, root_position=clip.root_position + np.array([0, height, 0], np.float32))


def test_a_standing_body_stays() -> None:
    """All joints but the knees, which are not left fully straight."""
    clip = standing_clip()
    others = [joint for joint in range(22) if joint not in (4, 5)]
    np.testing.assert_allclose(
        grounded(clip).joint_positions()[:, others], clip.joint_positions()[:, others], atol=2e-3
    )


@pytest.mark.parametrize("height", [1.5, 0.04, -0.04, -1.0])
def test_hovering_and_sinking_bodies_come_to_the_floor(height: float) -> None:
    clip = lifted(standing_clip(90), height)
    lowest = lowest_points(grounded(clip), build_body(clip.skeleton)).min(axis=1)
    np.testing.assert_allclose(lowest, 0.0, atol=0.006)


def test_without_a_floor_heights_stay() -> None:
    clip = lifted(standing_clip(), 1.5)
    result = grounded(clip, GroundingConfig(floor=False))
    np.testing.assert_allclose(result.root_position, clip.root_position, atol=1e-5)


def test_toes_that_point_into_the_floor_are_bent_and_nothing_stays_below() -> None:
    clip = standing_clip(60)
    joints = clip.joint_rotation.copy()
    joints[:, 7] = rotation.about_axis("x", np.full(60, 0.6))
    result = grounded(replace(clip, joint_rotation=joints.astype(np.float32)))
    assert lowest_points(result, build_body(clip.skeleton)).min() > -0.004
    assert rotation.to_axis_angle(result.joint_rotation[30, 10])[0] < -0.1


def test_a_person_who_lies_lies_on_the_floor() -> None:
    clip = standing_clip(60)
    joints = clip.joint_rotation.copy()
    joints[:, 0] = rotation.about_axis("x", np.full(60, -np.pi / 2))
    result = grounded(replace(clip, joint_rotation=joints.astype(np.float32)))
    lowest = lowest_points(result, build_body(clip.skeleton)).min(axis=1)
    assert np.abs(lowest).max() < 0.05
    assert result.root_position[:, 1].max() < 0.35


def test_shivering_is_told_from_dancing() -> None:
    clip = standing_clip(90)
    noise = np.random.default_rng(0).normal(scale=0.02, size=(90, 3)).astype(np.float32)
    assert not shivers(clip)
    assert shivers(replace(clip, root_position=clip.root_position + noise))
