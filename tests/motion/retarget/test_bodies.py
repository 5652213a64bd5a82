"""Bodies with bones of their own on the bundled one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import Body, FootContacts, Labels, MotionClip, MusicTrack, Tokens
from infinitedance_cli.motion.retarget import on_default_body
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, Skeleton, default_skeleton
from tests.motion.samples import crouch, standing_clip, wandering_clip

LEGS, FEET = (4, 5, 7, 8), (7, 8, 10, 11)


def grown(skeleton: Skeleton, legs: float, rest: float) -> Skeleton:
    """With legs and all other bones so many times as long, standing on the same floor."""
    factors = np.full((skeleton.joint_count, 1), rest, np.float32)
    factors[list(LEGS)] = legs
    offsets = skeleton.offsets * factors
    tall = replace(skeleton, offsets=offsets)
    offsets[0, 1] += skeleton.rest_positions()[7, 1] - tall.rest_positions()[7, 1]
    return replace(skeleton, offsets=offsets)


def squats(skeleton: Skeleton, frames: int = 90) -> MotionClip:
    """A body that goes down and up on feet that stand, one arm waving."""
    still = standing_clip(frames, skeleton.joint_count)
    root = np.repeat(skeleton.rest_positions()[:1], frames, axis=0)
    clip = replace(still, skeleton=skeleton, root_position=root)
    clip = crouch(clip, 0.5 * (1 - np.cos(np.arange(frames) * 2 * np.pi / 45)))
    joints = clip.joint_rotation.copy()
    joints[:, 16] = rotation.about_axis("z", 0.8 * np.sin(np.arange(frames) / 10))
    return replace(clip, joint_rotation=joints.astype(np.float32))


def test_feet_stand_on_the_floor_and_all_else_turns_as_before() -> None:
    ours = default_skeleton(BODY_JOINT_COUNT)
    tall = squats(grown(ours, legs=1.2, rest=0.9))
    clip = on_default_body(tall)
    assert clip.skeleton.matches(ours) and clip.frames == tall.frames and clip.fps == tall.fps
    feet = clip.joint_positions()[:, list(FEET)]
    assert np.ptp(feet, axis=0).max() < 0.005
    np.testing.assert_allclose(feet[..., 1].mean(0), ours.rest_positions()[list(FEET), 1], atol=0.01)
    above = [joint for joint in range(BODY_JOINT_COUNT) if joint not in (1, 2, *LEGS, *FEET)]
    np.testing.assert_allclose(clip.joint_rotation[:, above], tall.joint_rotation[:, above], atol=1e-4)
    knees = rotation.to_axis_angle(clip.joint_rotation[:, 4])[:, 0]
    np.testing.assert_allclose(knees, rotation.to_axis_angle(tall.joint_rotation[:, 4])[:, 0], atol=0.15)


def test_paths_are_in_proportion_to_the_legs() -> None:
    clip = wandering_clip(60)
    larger = replace(clip, skeleton=replace(clip.skeleton, offsets=2 * clip.skeleton.offsets))
    walked = on_default_body(larger).root_position[:, [0, 2]]
    np.testing.assert_allclose(walked, 0.5 * larger.root_position[:, [0, 2]], atol=0.02)


def test_who_lies_down_stays_down() -> None:
    tall = squats(grown(default_skeleton(BODY_JOINT_COUNT), legs=1.1, rest=1.1))
    joints = tall.joint_rotation.copy()
    lying = rotation.about_axis("x", np.full(tall.frames, -np.pi / 2))
    joints[:, 0] = rotation.multiply(lying.astype(np.float32), joints[:, 0])
    clip = on_default_body(replace(tall, joint_rotation=joints))
    np.testing.assert_allclose(clip.joint_rotation[:, 0], joints[:, 0], atol=1e-4)


def test_what_is_known_is_kept_and_what_belongs_to_the_old_body_goes() -> None:
    tall = squats(grown(default_skeleton(), legs=1.1, rest=1.1))
    planted = np.ones((tall.frames, 2), bool)
    tall = replace(
        tall,
        body=Body("smplx", np.ones(10, np.float32), np.zeros((tall.frames, 3), np.float32), "female"),
        contacts=FootContacts(planted, ("left_ankle", "right_ankle")),
        music=MusicTrack(path="song.wav"),
        labels=Labels("salsa"),
        tokens=Tokens(np.zeros((22, 3), np.int16), 4, "00"),
    )
    clip = on_default_body(tall)
    assert clip.tokens is None and clip.body is not None and clip.body.model == "anny" and len(clip.body.betas) == 0
    assert clip.body.expression is not None and clip.body.gender == "female"
    assert clip.contacts is tall.contacts and clip.music is tall.music and clip.labels is tall.labels
    np.testing.assert_array_equal(clip.joint_rotation[:, 22:], tall.joint_rotation[:, 22:])


def test_ours_is_given_back_as_it_is() -> None:
    clip = standing_clip(5, 55)
    assert on_default_body(clip) is clip


def test_other_joints_are_refused() -> None:
    clip = standing_clip(5)
    other = replace(clip.skeleton, joint_names=tuple(f"bone{number}" for number in range(22)))
    with pytest.raises(BadInput, match="clip standing: its 22 joints are not SMPL-X's"):
        on_default_body(replace(clip, skeleton=other))
