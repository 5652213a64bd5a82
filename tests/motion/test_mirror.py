from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion.clip import FootContacts, MusicTrack
from infinitedance_cli.motion.mirror import change_tempo, mirror, mirror_positions, side_swap, turn_heading
from infinitedance_cli.motion.skeleton import LEFT_RIGHT_SWAP, Skeleton, default_skeleton
from tests.motion.samples import standing_clip, wandering_clip


def test_the_mirrored_clip_is_the_reflection_of_its_joints() -> None:
    clip = wandering_clip(40)
    mirrored = mirror(clip)
    expected = mirror_positions(clip.joint_positions(), list(LEFT_RIGHT_SWAP))
    np.testing.assert_allclose(mirrored.joint_positions(), expected, atol=5e-4)
    twice = mirror(mirrored)
    np.testing.assert_array_equal(twice.joint_rotation, clip.joint_rotation)
    np.testing.assert_array_equal(twice.root_position, clip.root_position)


def test_raising_the_left_arm_becomes_raising_the_right() -> None:
    clip = standing_clip(1)
    joints = clip.joint_rotation.copy()
    joints[:, 16] = [np.cos(0.5), 0, 0, np.sin(0.5)]  # left shoulder, 1 rad about +z: the hand goes up
    raised = replace(clip, joint_rotation=joints)
    hands = mirror(raised).joint_positions()[0, [20, 21], 1]
    assert hands[1] > hands[0] + 0.3
    assert raised.joint_positions()[0, 20, 1] == pytest.approx(hands[1], abs=1e-4)


def test_contacts_change_sides() -> None:
    planted = np.array([[True, False, False, False]])
    labels = ("left_ankle", "left_foot", "right_ankle", "right_foot")
    contacts = mirror(replace(standing_clip(1), contacts=FootContacts(planted, labels))).contacts
    assert contacts is not None
    assert contacts.planted.tolist() == [[False, False, True, False]] and contacts.labels == labels


def test_lopsided_skeletons_are_refused() -> None:
    skeleton = Skeleton(("root", "left_hand"), (-1, 0), np.zeros((2, 3), np.float32))
    with pytest.raises(BadInput, match="right_hand"):
        side_swap(skeleton)
    assert side_swap(default_skeleton()) == list(LEFT_RIGHT_SWAP)


def test_a_faster_tempo_shortens_the_clip_and_brings_the_beats_closer() -> None:
    clip = wandering_clip(91)
    clip = replace(clip, music=MusicTrack(beats=np.array([0.5, 1.0]), tempo_bpm=120.0))
    fast = change_tempo(clip, 1.5)
    assert fast.frames == 61
    np.testing.assert_allclose(fast.root_position[20], clip.root_position[30], atol=1e-5)
    assert fast.music is not None and fast.music.tempo_bpm == 180
    np.testing.assert_allclose(fast.music.beats, [1 / 3, 2 / 3])
    with pytest.raises(UsageError, match="tempo factor"):
        change_tempo(clip, 0.0)


def test_turning_the_heading_turns_every_joint_about_the_point() -> None:
    clip = wandering_clip(10)
    joints = turn_heading(clip, np.pi / 2, about=(1.0, 2.0)).joint_positions()
    before = clip.joint_positions() - np.array([1.0, 0, 2.0])
    # A quarter turn about y takes (x, z) to (z, −x).
    expected = np.stack((before[..., 2] + 1.0, before[..., 1], -before[..., 0] + 2.0), axis=-1)
    np.testing.assert_allclose(joints, expected, atol=1e-5)
