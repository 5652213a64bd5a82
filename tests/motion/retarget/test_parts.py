"""Filters, limbs, feet and names by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.retarget.feet import Foot, hold
from infinitedance_cli.motion.retarget.filters import despike_positions, limit_speed, low_pass
from infinitedance_cli.motion.retarget.geometry import mean_rotation
from infinitedance_cli.motion.retarget.limbs import flipped, two_bones
from infinitedance_cli.motion.retarget.names import split_name
from infinitedance_cli.motion.retarget.planted import standing_height
from infinitedance_cli.motion.skeleton import default_skeleton


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mixamorig:LeftForeArm", ("left", "forearm")),
        ("CC_Base_R_Thigh", ("right", "thigh")),
        ("Neo_RightToeBase", ("right", "toebase")),
        ("upperarm_l", ("left", "upperarm")),
        ("RThumb", ("right", "thumb")),
        ("lhand", ("left", "hand")),
        ("Bip01 R Calf", ("right", "calf")),
        ("left_hip", ("left", "hip")),
        ("Hips", ("", "hips")),
        ("Root", ("", "root")),
        ("lowerback", ("", "lowerback")),
        ("LeftHandIndex1", ("left", "handindex1")),
    ],
)
def test_sides_and_bases_of_joint_names(name: str, expected: tuple[str, str]) -> None:
    assert split_name(name) == expected


def test_low_pass_keeps_slow_and_stops_fast() -> None:
    time = np.arange(300) / 30.0
    slow, fast = np.sin(2 * np.pi * 3.0 * time), np.sin(2 * np.pi * 13.0 * time)
    middle = slice(20, -20)
    assert np.abs(low_pass(slow, 8.0, 30.0) - slow)[middle].max() < 0.05
    assert np.abs(low_pass(fast, 8.0, 30.0))[middle].max() < 0.05


def test_low_pass_keeps_a_straight_line_to_its_ends() -> None:
    line = np.linspace(0.0, 5.0, 50)[:, None]
    np.testing.assert_allclose(low_pass(line, 8.0, 30.0), line, atol=1e-12)


def test_limit_spreads_a_jump_over_its_neighbours() -> None:
    angle = np.where(np.arange(60) < 30, 0.0, 2.0)
    turns = rotation.about_axis("z", angle)[:, None]
    limited = limit_speed(turns, 30.0, 20.0)
    assert np.linalg.norm(rotation.angular_velocity(limited, 30.0), axis=-1).max() <= 20.0
    np.testing.assert_allclose(limited[[0, -1]], turns[[0, -1]], atol=1e-6)
    # Half-way at the jump: early and late alike.
    assert float(rotation.to_axis_angle(limited[29:31, 0])[:, 2].mean()) == pytest.approx(1.0, abs=0.05)


def test_single_frame_off_its_neighbours_is_put_between_them() -> None:
    path = np.linspace(0, 1, 40)[:, None] * np.array([1.0, 0.0, 0.0])
    spiked = path.copy()
    spiked[17, 1] += 0.3
    np.testing.assert_allclose(despike_positions(spiked), path, atol=1e-9)


def test_mean_rotation_ignores_outliers_when_robust() -> None:
    angles = np.concatenate((np.full(80, 0.2), np.full(20, 1.5)))
    mean = mean_rotation(rotation.about_axis("x", angles), np.ones(100), robust=True)
    assert float(rotation.to_axis_angle(mean)[0]) == pytest.approx(0.2, abs=0.02)


def test_two_bones_reach_the_target_with_the_knee_in_front() -> None:
    skeleton = default_skeleton()
    bend = rotation.about_axis("x", np.array([-0.4]))
    back = rotation.about_axis("x", np.array([0.4]))
    vector = np.array([[0.1, -0.6, 0.2]])
    upper, lower = two_bones(bend, back, vector, ("left_hip", "left_knee"), skeleton, damping=0.0)
    thigh, shank = (skeleton.offsets[skeleton.index(name)].astype(float) for name in ("left_knee", "left_ankle"))
    knee = rotation.rotate(upper, thigh)
    np.testing.assert_allclose(knee + rotation.rotate(lower, shank), vector, atol=1e-6)
    assert knee[0, 2] > 0.2


def test_flip_and_back_is_found_and_a_kick_is_not() -> None:
    frames = 40
    start, end = np.tile([0.0, 1.0, 0.0], (frames, 1)), np.tile([0.0, 0.2, 0.0], (frames, 1))
    knee = np.tile([0.0, 0.6, 0.2], (frames, 1))
    kick = knee + np.linspace(0, -0.2, frames)[:, None] * np.array([0.0, 0.0, 1.0])
    knee[15:18, 2] = -0.2
    assert np.flatnonzero(flipped(start, knee, end)).tolist() == [15, 16, 17]
    assert not flipped(start, kick, end).any()


def test_standing_height_ignores_jumps_and_single_bad_frames() -> None:
    height = np.full(200, 0.11)
    height[80:95] += 0.4
    height[150] = -0.5
    ankle = np.stack((np.zeros(200), height, np.zeros(200)), axis=-1)
    assert standing_height({"left_ankle": ankle, "right_ankle": ankle}, 30.0) == pytest.approx(0.11, abs=1e-6)


def test_held_foot_stops_and_is_let_go_gently() -> None:
    skeleton = default_skeleton()
    frames = 60
    ankle = np.tile([0.11, 0.07652, 0.0], (frames, 1))
    ankle[20:40, 0] += np.linspace(0, 0.04, 20)
    ankle[40:, 0] += 0.04
    standing = np.zeros(frames, dtype=bool)
    standing[20:40] = True
    foot = Foot("left", ankle, np.tile([1.0, 0.0, 0.0, 0.0], (frames, 1)), standing, standing)
    held = hold(foot, skeleton).ankle
    assert np.abs(np.diff(held[22:38, 0])).max() < 1e-3
    np.testing.assert_allclose(held[[0, -1]], ankle[[0, -1]], atol=1e-6)
    assert np.abs(np.diff(held[:, 0])).max() < 0.01


def test_reaching_keeps_bone_lengths() -> None:
    skeleton = default_skeleton(22)
    rng = np.random.default_rng(3)
    turns = rotation.from_axis_angle(rng.normal(0, 0.3, (5, 22, 3)))
    positions = forward_kinematics(skeleton, np.zeros((5, 3)), turns)[0]
    lengths = np.linalg.norm(positions[:, 1:] - positions[:, np.array(skeleton.parents[1:])], axis=-1)
    np.testing.assert_allclose(lengths, np.tile(np.linalg.norm(skeleton.offsets[1:], axis=-1), (5, 1)), atol=1e-5)
