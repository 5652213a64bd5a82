from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.beats import (
    beat_alignment,
    beat_gap,
    joint_speed,
    kinematic_beats,
    nearest_distance,
    offbeats,
)


def pulsing(frames: int, period: float, phase: float = 0.0) -> np.ndarray:
    """Two joints whose speed is 1 − cos: they stop every `period` frames, at `phase`."""
    time = np.arange(frames)
    angle = 2 * np.pi / period
    path = time - np.sin(angle * (time - phase)) / angle
    return np.stack([path[:, None] * [0.01, 0, 0], path[:, None] * [0, 0, 0.02]], axis=1)


def test_kinematic_beats_are_the_stops() -> None:
    # The step t → t+1 is centred half a frame after t: stops at 10, 40, 70 … show at step 9 or 10, 39 or 40 …
    beats = kinematic_beats(pulsing(200, 30, phase=10))
    np.testing.assert_allclose(beats, [10, 40, 70, 100, 130, 160, 190], atol=1)


def test_speed_is_the_mean_step_of_all_joints() -> None:
    joints = np.zeros((3, 2, 3))
    joints[1:, 0] = [3, 4, 0]
    np.testing.assert_allclose(joint_speed(joints, sigma=0), [2.5, 0])


def test_standing_still_has_no_beat() -> None:
    assert len(kinematic_beats(np.zeros((50, 22, 3)))) == 0


def test_alignment_by_hand() -> None:
    # Distances 0, 3 and 5: exp(0), exp(−9/18), exp(−25/18).
    score = beat_alignment(np.array([10, 23, 45]), np.array([10, 20, 40]))
    assert score == pytest.approx((1 + np.exp(-0.5) + np.exp(-25 / 18)) / 3)


def test_alignment_looks_from_music_to_motion() -> None:
    music, motion = np.array([10.0]), np.array([10.0, 30, 50])
    assert beat_alignment(music, motion) == pytest.approx(1.0)
    assert beat_alignment(motion, music) < 0.4


def test_alignment_without_beats() -> None:
    assert beat_alignment(np.array([1.0, 2.0]), np.array([])) == 0.0
    with pytest.raises(BadInput, match="music has no beat"):
        beat_alignment(np.array([]), np.array([1.0]))


def test_nearest_distance_agrees_with_brute_force() -> None:
    random = np.random.default_rng(0)
    targets = np.sort(random.uniform(0, 100, 13))
    points = random.uniform(-20, 120, 50)
    expected = np.abs(points[:, None] - targets).min(axis=1)
    np.testing.assert_allclose(nearest_distance(points, targets), expected)
    np.testing.assert_allclose(nearest_distance(points, targets[:1]), np.abs(points - targets[0]))


def test_gap_is_large_on_the_beat_negative_half_a_beat_off_and_zero_between() -> None:
    beats = np.arange(10, 290, 30).astype(float)
    np.testing.assert_allclose(offbeats(beats)[:2], [25, 40 + 15])
    assert beat_gap(pulsing(300, 30, phase=10), beats) > 0.9
    assert beat_gap(pulsing(300, 30, phase=25), beats) < -0.8
    assert abs(beat_gap(pulsing(300, 30, phase=18), beats)) < 0.1
    with pytest.raises(BadInput, match="at least 2"):
        beat_gap(pulsing(60, 30), np.array([3.0]))
