from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.errors import UsageError
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.beats import beat_gap
from infinitedance_cli.motion.clip import FootContacts
from infinitedance_cli.motion.warp import BeatWarp, align_to_beats, beat_warp, warp_times
from tests.motion.samples import standing_clip, wandering_clip


def test_reading_at_every_frame_changes_nothing() -> None:
    clip = wandering_clip(50)
    same = warp_times(clip, np.arange(50.0))
    np.testing.assert_allclose(same.root_position, clip.root_position, atol=1e-6)
    dots = np.sum(same.joint_rotation * clip.joint_rotation, axis=-1)
    np.testing.assert_allclose(np.abs(dots), 1, atol=1e-6)


def test_steady_motion_is_read_exactly_between_frames() -> None:
    clip = standing_clip(40)
    time = np.arange(40)
    root = clip.root_position + np.outer(0.02 * time, [1, 0, 0]).astype(np.float32)
    joints = clip.joint_rotation.copy()
    joints[:, 0] = rotation.about_axis("y", 0.05 * time)
    joints[1::2, 0] *= -1  # signs must not matter
    times = np.linspace(0, 39, 75)
    warped = warp_times(replace(clip, root_position=root, joint_rotation=joints), times)
    np.testing.assert_allclose(warped.root_position[:, 0], 0.02 * times, atol=1e-5)
    expected = rotation.about_axis("y", 0.05 * times)
    np.testing.assert_allclose(np.abs(np.sum(warped.joint_rotation[:, 0] * expected, axis=-1)), 1, atol=1e-6)


def test_contacts_follow_and_tokens_go() -> None:
    clip = standing_clip(10)
    planted = np.zeros((10, 1), dtype=bool)
    planted[5:] = True
    clip = replace(clip, contacts=FootContacts(planted, ("left_foot",)))
    warped = warp_times(clip, np.array([0.0, 4.4, 4.6, 9.0]))
    assert warped.contacts is not None
    assert warped.contacts.planted[:, 0].tolist() == [False, False, True, True]


@pytest.mark.parametrize("times", [[0, 2, 1], [-1, 0], [0, 10.5], []])
def test_times_that_leave_the_clip_or_run_back_are_refused(times: list[float]) -> None:
    with pytest.raises(UsageError, match="warp times"):
        warp_times(standing_clip(10), np.array(times, dtype=float))


@pytest.mark.parametrize("seed", range(5))
def test_warps_keep_the_length_and_the_rate(seed: int) -> None:
    random = np.random.default_rng(seed)
    motion = np.sort(random.choice(600, 25, replace=False))
    music = np.arange(random.uniform(0, 16), 600, 16.4)
    config = BeatWarp(max_rate=1.18, max_shift=15, effort=0.0)
    times = beat_warp(600, motion, music, config)
    assert times[0] == 0 and times[-1] == 599
    rates = np.diff(times)
    assert rates.min() > 1 / 1.18 - 1e-6 and rates.max() < 1.18 + 1e-6
    assert np.abs(times - np.arange(600)).max() <= 15 + 1e-6


def test_kinematic_beats_a_little_off_are_brought_home() -> None:
    music = np.arange(30, 300, 30.0)
    motion = music + np.tile([1.5, -1.0, 0.5], 3)
    times = beat_warp(330, motion, music, BeatWarp(effort=0.01))
    np.testing.assert_allclose(times[music.astype(int)], motion, atol=0.3)


def test_nothing_to_meet_leaves_the_timing() -> None:
    for motion, music in (([], [10.0, 20]), ([10.0], [])):
        np.testing.assert_array_equal(beat_warp(30, np.array(motion), np.array(music), BeatWarp()), np.arange(30))


def test_a_dance_slightly_off_its_music_gains_the_beat() -> None:
    clip = wandering_clip(600, seed=2)
    beats = np.arange(7.0, 600, 16.0)
    aligned = align_to_beats(clip, beats)
    assert aligned.frames == clip.frames
    np.testing.assert_allclose(aligned.root_position[[0, -1]], clip.root_position[[0, -1]], atol=1e-5)
    before = beat_gap(clip.joint_positions()[:, :22], beats)
    assert beat_gap(aligned.joint_positions()[:, :22], beats) > before + 0.1
