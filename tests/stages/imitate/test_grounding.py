from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.body import build_body
from infinitedance_cli.stages.imitate.conformance import standing, swaying
from infinitedance_cli.stages.imitate.grounding import (
    GroundingConfig,
    ground_reference,
    lowest_points,
    shivers,
    without_calibration,
)
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


def test_a_pose_of_calibration_before_the_motion_is_led_back_from_it() -> None:
    walk = swaying(30)
    root = walk.root_position + np.arange(30, dtype=np.float32)[:, None] * np.array([0, 0, 0.04], np.float32)
    moving = replace(walk, root_position=root)
    began = root.copy()
    began[0] += [0.3, 0.1, -0.4]
    found = without_calibration(replace(moving, root_position=began))
    np.testing.assert_allclose(found.root_position, root, atol=1e-5)
    assert np.abs(found.joint_positions()[0] - moving.joint_positions()[0]).max() < 0.05


def test_motion_that_begins_fast_stays() -> None:
    clip = swaying(30)
    assert without_calibration(clip) is clip


def test_who_lies_is_let_down_to_the_floor() -> None:
    clip = standing(40)
    joints = clip.joint_rotation.copy()
    joints[:, 0] = rotation.about_axis("x", np.full(40, -np.pi / 2))
    root = clip.root_position.copy()
    root[:, 1] = 0.3
    body = build_body(clip.skeleton)
    lying = replace(clip, joint_rotation=joints, root_position=root)
    lowest = lowest_points(ground_reference(lying, body, GroundingConfig()), body).min(axis=1)
    assert np.abs(lowest).max() < 0.01


def test_hands_that_point_into_the_floor_are_laid_on_it() -> None:
    clip = standing(20)
    joints = clip.joint_rotation.copy()
    joints[:, 0] = rotation.about_axis("x", np.full(20, np.pi / 2))  # lies face down
    for name, sign in (("left_shoulder", 1), ("right_shoulder", -1)):
        joints[:, clip.skeleton.index(name)] = rotation.about_axis("y", np.full(20, -sign * 0.9))
    lying = replace(clip, joint_rotation=joints.astype(np.float32))
    body = build_body(clip.skeleton)
    wrists = ground_reference(lying, body, GroundingConfig())
    assert lowest_points(wrists, body)[5:-5, [20, 21]].min() > -0.01
