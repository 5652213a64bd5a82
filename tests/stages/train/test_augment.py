from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, default_skeleton
from infinitedance_cli.stages.train.augment import (
    UPPER_BODY,
    AugmentConfig,
    Motion,
    at_tempo,
    augment,
    bent,
    mirrored,
    recombined,
    tilted,
    with_amplitude,
)
from infinitedance_cli.stages.train.library import to_motion
from tests.motion.samples import standing_clip, wandering_clip

NOTHING = AugmentConfig(mirror=0, tempo_range=0, recombine=0, amplitude=0, bend=0, tilt=0)
LEGS = [index for index in range(22) if index not in UPPER_BODY]


def motion(seed: int = 0, frames: int = 60) -> Motion:
    return to_motion(wandering_clip(frames, seed))


def test_the_upper_body_is_what_hangs_on_the_spine() -> None:
    names = {SMPLX_JOINT_NAMES[index] for index in LEGS}
    assert names == {"pelvis"} | {
        f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "foot")
    }


def test_mirrored_twice_is_as_before() -> None:
    once, twice = mirrored(motion()), mirrored(mirrored(motion()))
    np.testing.assert_array_equal(twice.root_position, motion().root_position)
    np.testing.assert_array_equal(twice.joint_rotation, motion().joint_rotation)
    left, right = SMPLX_JOINT_NAMES.index("left_knee"), SMPLX_JOINT_NAMES.index("right_knee")
    np.testing.assert_array_equal(once.joint_rotation[:, left], motion().joint_rotation[:, right] * [1, 1, -1, -1])


def test_twice_as_fast_is_every_other_frame() -> None:
    fast = at_tempo(motion(frames=61), 2.0)
    assert fast.frames == 30
    np.testing.assert_allclose(fast.root_position, motion(frames=61).root_position[:60:2], atol=1e-6)
    dots = np.sum(fast.joint_rotation * motion(frames=61).joint_rotation[:60:2], axis=-1)
    np.testing.assert_allclose(np.abs(dots), 1, atol=1e-6)


def test_half_as_fast_is_twice_as_long() -> None:
    assert at_tempo(motion(frames=61), 0.5).frames == 120


def test_recombined_keeps_legs_and_path_and_borrows_the_rest_there_and_back() -> None:
    ours, theirs = motion(0, 9), motion(1, 4)
    mixed = recombined(ours, theirs, offset=2)
    np.testing.assert_array_equal(mixed.root_position, ours.root_position)
    np.testing.assert_array_equal(mixed.joint_rotation[:, LEGS], ours.joint_rotation[:, LEGS])
    frames = [2, 3, 2, 1, 0, 1, 2, 3, 2]
    np.testing.assert_array_equal(
        mixed.joint_rotation[:, list(UPPER_BODY)], theirs.joint_rotation[frames][:, list(UPPER_BODY)]
    )


def test_amplitude_scales_the_angle_from_the_mean() -> None:
    """An elbow that swings by ± 0.2 rad about its mean 0.5 swings by ± 0.3 with factor 1.5."""
    elbow = SMPLX_JOINT_NAMES.index("left_elbow")
    swing = np.array([-0.2, 0.2] * 4)
    joints = rotation.identity(8, 22)
    joints[:, elbow] = rotation.about_axis("y", 0.5 + swing)
    joints[3, elbow] *= -1  # the sign of a quaternion means nothing
    still = Motion("a", "", np.zeros((8, 3), np.float32), joints.astype(np.float32))
    wider = with_amplitude(still, 1.5)
    expected = rotation.about_axis("y", 0.5 + 1.5 * swing)
    dots = np.abs(np.sum(wider.joint_rotation[:, elbow] * expected, axis=-1))
    np.testing.assert_allclose(dots, 1, atol=1e-6)
    np.testing.assert_array_equal(wider.joint_rotation[:, LEGS], still.joint_rotation[:, LEGS])


def test_without_any_chance_only_the_last_frame_goes() -> None:
    same = augment(motion(), [motion(1)], NOTHING, np.random.default_rng(0))
    np.testing.assert_allclose(same.root_position, motion().root_position[:-1], atol=1e-6)


def test_bent_turns_the_given_joints_and_keeps_the_floor() -> None:
    ours = motion()
    knees = [SMPLX_JOINT_NAMES.index(name) for name in ("left_knee", "right_knee")]
    turned = bent(ours, knees, np.array([[0.3, 0, 0], [0, 0, 0]], np.float32))
    others = [joint for joint in range(22) if joint != knees[0]]
    np.testing.assert_allclose(turned.joint_rotation[:, others], ours.joint_rotation[:, others], atol=1e-6)
    between = rotation.multiply(rotation.inverse(ours.joint_rotation), turned.joint_rotation)[:, knees[0]]
    np.testing.assert_allclose(rotation.to_axis_angle(between), np.tile([0.3, 0, 0], (60, 1)), atol=1e-5)
    assert lowest(turned) == pytest.approx(lowest(ours), abs=1e-5)
    np.testing.assert_array_equal(turned.root_position[:, [0, 2]], ours.root_position[:, [0, 2]])


def test_tilted_leans_with_the_heading() -> None:
    """Leaning forward by 90 degrees, a body facing +X lies along +X, whichever way it faced before."""
    still = to_motion(standing_clip(5))
    joints = still.joint_rotation.copy()
    joints[:, 0] = rotation.about_axis("y", np.full(5, np.pi / 2))
    lying = tilted(replace(still, joint_rotation=joints), np.array([np.pi / 2, 0, 0], np.float32))
    up = rotation.rotate(lying.joint_rotation[:, 0], np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(up, np.tile([1.0, 0, 0], (5, 1)), atol=1e-6)
    assert lowest(lying) == pytest.approx(lowest(still), abs=1e-5)


def lowest(moved: Motion) -> float:
    """Height of the lowest joint, metres."""
    skeleton = default_skeleton(22)
    clip = MotionClip("a", skeleton, 30.0, moved.root_position, moved.joint_rotation)
    return float(clip.joint_positions()[..., 1].min())


@pytest.mark.parametrize("kind", ["mirror", "recombine", "amplitude", "bend", "tilt"])
def test_the_same_random_numbers_give_the_same_variant(kind: str) -> None:
    config = replace(NOTHING, **{kind: 1.0})
    first, second = (augment(motion(), [motion(1)], config, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.joint_rotation, second.joint_rotation)
    assert np.abs(first.joint_rotation - motion().joint_rotation[:-1]).max() > 0.01
