from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.features import (
    HUMANML_BONE_LENGTHS,
    PAPER_259,
    RELEASE_264,
    Placement,
    clip_placement,
    clip_to_features,
    features_to_clip,
    features_to_joints,
    fit_rotation,
    layout_named,
    motion_to_features,
    pose_from_positions,
    release_to_paper,
    to_release_frame,
    to_uniform_skeleton,
)
from infinitedance_cli.motion.features.heading import facing_angle, pelvis_angles
from infinitedance_cli.motion.features.release import RAW_DIRECTIONS, release_contacts, swing_rotations
from infinitedance_cli.motion.mirror import turn_heading
from infinitedance_cli.motion.skeleton import SMPLX_PARENTS, default_skeleton
from tests.motion.samples import standing_clip, wandering_clip


def standing_joints(frames: int) -> np.ndarray:
    return np.tile(default_skeleton(22).rest_positions().astype(np.float64), (frames, 1, 1))


def test_blocks_lie_where_the_release_and_the_paper_put_them() -> None:
    assert (PAPER_259.size, RELEASE_264.size) == (259, 264)
    paper = {name: PAPER_259.block(name) for name in ("root_height", "joint_velocity", "joint_position")}
    assert paper == {"root_height": slice(3, 4), "joint_velocity": slice(4, 70), "joint_position": slice(70, 133)}
    assert RELEASE_264.block("root_velocity") == slice(3, 5)
    assert RELEASE_264.block("joint_position") == slice(5, 68)
    assert RELEASE_264.block("joint_rotation") == slice(68, 194)
    assert RELEASE_264.block("joint_velocity") == slice(194, 260)
    assert RELEASE_264.block("contact") == slice(260, 264)
    with pytest.raises(UsageError, match="joint_position"):
        PAPER_259.block("contact")
    assert layout_named("paper-259") is PAPER_259
    with pytest.raises(UsageError, match="release-264"):
        layout_named("humanml")


def test_the_release_reorders_into_the_paper() -> None:
    columns = np.arange(264, dtype=np.float32)[None]
    expected = [2, 3, 4, 0, *range(194, 260), *range(5, 68), *range(68, 194)]
    np.testing.assert_array_equal(release_to_paper(columns)[0], expected)


def test_walking_straight_ahead_by_hand() -> None:
    joints = standing_joints(50)
    joints[..., 2] += 0.01 * np.arange(50)[:, None]
    features = motion_to_features(joints, None, RELEASE_264)
    rest = default_skeleton(22).rest_positions()
    np.testing.assert_allclose(features[:, RELEASE_264.block("root_height")], rest[0, 1], atol=1e-6)
    np.testing.assert_allclose(features[:, RELEASE_264.block("yaw_velocity")], 0, atol=1e-6)
    np.testing.assert_allclose(features[:, RELEASE_264.block("root_velocity")], np.tile([0, 0.01], (49, 1)), atol=1e-6)
    velocity = features[:, RELEASE_264.block("joint_velocity")].reshape(49, 22, 3)
    np.testing.assert_allclose(velocity, np.tile([0, 0, 0.01], (49, 22, 1)), atol=1e-6)
    # Height stays in the joint positions, the pelvis' x and z do not.
    position = features[:, RELEASE_264.block("joint_position")].reshape(49, 21, 3)
    np.testing.assert_allclose(position, np.tile(rest[1:], (49, 1, 1)), atol=1e-6)


def spinning_clip(step: float, frames: int = 200) -> np.ndarray:
    turns = rotation.about_axis("y", step * np.arange(frames))
    return rotation.rotate(turns[:, None], standing_joints(frames))


def test_a_steady_spin_is_half_its_angle_against_the_turn() -> None:
    features = motion_to_features(spinning_clip(0.1), None, RELEASE_264)
    inner = features[80:120]
    # The frame turns world → heading, so against the dancer, and quaternions hold half angles.
    np.testing.assert_allclose(inner[:, RELEASE_264.block("yaw_velocity")], -0.05, atol=1e-5)
    accumulated = features[:, RELEASE_264.block("accumulated_yaw")][:, 0]
    steps = features[:, RELEASE_264.block("yaw_velocity")][:, 0]
    assert accumulated[0] == 0
    np.testing.assert_allclose(np.diff(accumulated), steps[:-1], atol=1e-5)


def test_bit_compatible_turns_the_wrong_way_where_the_heading_crosses_half_a_turn() -> None:
    joints = spinning_clip(0.1)
    mended = motion_to_features(joints, None, RELEASE_264)
    quirky = motion_to_features(joints, None, RELEASE_264, bit_compatible=True)
    column = RELEASE_264.block("yaw_velocity")
    wrong = np.flatnonzero(np.abs(mended[:, column] - quirky[:, column])[:, 0] > 1e-6)
    # 20 rad of turning cross ±180° three times: at π, 3π and 5π.
    assert len(wrong) == 3
    np.testing.assert_allclose(quirky[wrong, column], -mended[wrong, column], atol=1e-6)
    np.testing.assert_allclose(features_to_joints(mended, RELEASE_264), joints[:-1], atol=1e-5)
    lost = np.abs(features_to_joints(quirky, RELEASE_264) - joints[:-1]).max(axis=(1, 2))
    assert lost[: wrong[0] + 1].max() < 1e-5 and lost[wrong[0] + 1 :].max() > 0.05


@pytest.mark.parametrize("turn", [0.0, 0.08, -0.15])
def test_264_to_joints_and_back_is_exact(turn: float) -> None:
    clip = wandering_clip(300, turn=turn)
    features = clip_to_features(clip, RELEASE_264)
    joints = features_to_joints(features, RELEASE_264, with_last_frame=True)
    expected = to_release_frame(clip.joint_positions()[:, :22])
    assert joints.shape == (300, 22, 3)
    np.testing.assert_allclose(joints, expected, atol=1e-5)
    again = motion_to_features(joints, None, RELEASE_264)
    difference = np.abs(again - features)
    assert difference[:, : RELEASE_264.block("joint_rotation").start].max() < 1e-4
    assert difference[:, RELEASE_264.block("joint_velocity")].max() < 1e-4


def test_paper_features_give_the_clip_back() -> None:
    clip = wandering_clip(300, turn=0.1)
    clip = turn_heading(clip, 2.0, about=(1.0, -2.0))
    features = clip_to_features(clip, PAPER_259)
    restored = features_to_clip(features, PAPER_259, placement=clip_placement(clip))
    assert restored.frames == 299 and restored.skeleton.joint_count == 55
    error = np.linalg.norm(restored.joint_positions()[:, :22] - clip.joint_positions()[:-1, :22], axis=-1)
    assert error.max() < 1e-4
    turned = rotation.multiply(rotation.inverse(clip.joint_rotation[:-1, :22]), restored.joint_rotation[:, :22])
    assert np.degrees(np.linalg.norm(rotation.to_axis_angle(turned), axis=-1)).max() < 0.1


def test_paper_features_do_not_depend_on_where_the_dance_is() -> None:
    clip = wandering_clip(90, seed=4)
    moved = turn_heading(clip, -2.5, about=(3.0, 1.0))
    np.testing.assert_allclose(clip_to_features(moved, PAPER_259), clip_to_features(clip, PAPER_259), atol=2e-5)


def test_placement_says_where_a_dance_starts() -> None:
    features = clip_to_features(wandering_clip(60), PAPER_259)
    clip = features_to_clip(features, PAPER_259, placement=Placement(1.0, -2.0, np.pi / 2))
    np.testing.assert_allclose(clip.root_position[0, [0, 2]], [1.0, -2.0], atol=1e-6)
    assert clip_placement(clip).heading == pytest.approx(np.pi / 2, abs=0.05)


def test_bone_lengths_are_the_skeletons_even_when_features_disagree() -> None:
    features = clip_to_features(wandering_clip(40), PAPER_259)
    features[:, PAPER_259.block("joint_position")] *= 1.1
    clip = features_to_clip(features, PAPER_259)
    joints = clip.joint_positions()[:, :22]
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, SMPLX_PARENTS[1:22]], axis=-1)
    expected = np.linalg.norm(default_skeleton(22).offsets[1:], axis=-1)
    np.testing.assert_allclose(lengths, np.tile(expected, (39, 1)), atol=1e-5)


def test_heading_of_a_deep_bow_stays_ahead() -> None:
    # Bent forward by 150°, +Z of the pelvis points behind the dancer; its yaw must not.
    bow = rotation.about_axis("x", np.linspace(0, np.radians(150), 60))
    assert abs(rotation.heading(bow)[-1]) == pytest.approx(np.pi)
    np.testing.assert_allclose(pelvis_angles(bow), 0, atol=1e-9)


def test_heading_of_a_fast_spin_does_not_cancel_out() -> None:
    # Two turns a second at 30 fps: the mean direction over a smoothing window is zero, the mean angle is not.
    spin = rotation.about_axis("y", np.radians(24.0) * np.arange(90))
    np.testing.assert_allclose(np.diff(pelvis_angles(spin)), -np.radians(24.0), atol=1e-6)


def test_swing_rotations_take_raw_bones_to_the_observed_ones() -> None:
    joints = wandering_clip(5).joint_positions()[:, :22].astype(np.float64)
    swings = swing_rotations(joints, np.zeros(5))
    # Thigh: first bone of its chain, heading 0, so the stored rotation acts on the raw direction itself.
    thigh = rotation.normalize(joints[:, 4] - joints[:, 1])
    hip = rotation.normalize(joints[:, 1] - joints[:, 0])
    np.testing.assert_allclose(rotation.rotate(swings[:, 1], RAW_DIRECTIONS[1]), hip, atol=1e-6)
    chained = rotation.multiply(swings[:, 1], swings[:, 4])
    np.testing.assert_allclose(rotation.rotate(chained, RAW_DIRECTIONS[4]), thigh, atol=1e-6)
    # The arms start from the heading, not from the spine.
    collar = rotation.normalize(joints[:, 13] - joints[:, 9])
    np.testing.assert_allclose(rotation.rotate(swings[:, 13], RAW_DIRECTIONS[13]), collar, atol=1e-6)


def test_release_contact_is_four_and_a_half_centimetres_a_frame() -> None:
    joints = standing_joints(3)
    joints[1:, 7, 0] += 0.0447  # squared 0.001998
    joints[1:, 8, 2] += 0.0448  # squared 0.002007
    np.testing.assert_array_equal(release_contacts(joints), [[1, 1, 0, 1], [1, 1, 1, 1]])


def test_uniform_skeleton_keeps_directions_and_scales_the_path() -> None:
    joints = wandering_clip(10).joint_positions()[:, :22].astype(np.float64)
    uniform = to_uniform_skeleton(joints)
    parents = list(SMPLX_PARENTS[1:22])
    bones, before = uniform[:, 1:] - uniform[:, parents], joints[:, 1:] - joints[:, parents]
    np.testing.assert_allclose(np.linalg.norm(bones, axis=-1), np.tile(HUMANML_BONE_LENGTHS[1:], (10, 1)), atol=1e-9)
    np.testing.assert_allclose(rotation.normalize(bones), rotation.normalize(before), atol=1e-6)
    leg = np.linalg.norm(before[0, [4, 7]], axis=-1).sum()
    np.testing.assert_allclose(uniform[:, 0], joints[:, 0] * (0.3854 + 0.4197) / leg, atol=1e-9)


def test_release_frame_is_on_the_floor_at_the_origin_facing_ahead() -> None:
    joints = wandering_clip(50, turn=0.05).joint_positions()[:, :22]
    framed = to_release_frame(joints + np.array([3.0, 0.4, -1.0]))
    assert framed[..., 1].min() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(framed[0, 0, [0, 2]], 0, atol=1e-9)
    assert facing_angle(framed) == pytest.approx(0, abs=1e-6)


def test_pose_from_positions_alone_follows_the_limbs() -> None:
    joints = wandering_clip(30).joint_positions()[:, :22].astype(np.float64)
    pose, placed = pose_from_positions(default_skeleton(22), joints)
    legs_and_arms = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
    np.testing.assert_allclose(placed[:, legs_and_arms], joints[:, legs_and_arms], atol=1e-5)
    np.testing.assert_allclose(pose[:, [15, 20, 21]], rotation.identity(30, 3), atol=1e-6)


def test_fit_rotation_never_reflects() -> None:
    points = np.random.default_rng(0).normal(size=(1, 4, 3))
    turn = rotation.normalize(np.random.default_rng(1).normal(size=(6, 1, 4)))
    fitted = fit_rotation(points, rotation.rotate(turn, points))
    np.testing.assert_allclose(np.abs(np.sum(fitted * turn[:, 0], axis=-1)), 1, atol=1e-9)
    mirrored = points * np.array([-1, 1, 1])
    matrix = rotation.to_matrix(fit_rotation(points, mirrored))
    assert np.linalg.det(matrix)[0] == pytest.approx(1)


def test_wrong_inputs_say_what_they_are() -> None:
    with pytest.raises(BadInput, match=r"\(1, 22, 3\)"):
        motion_to_features(standing_joints(1), None, RELEASE_264)
    with pytest.raises(UsageError, match="rotations"):
        motion_to_features(standing_joints(5), None, PAPER_259)
    with pytest.raises(BadInput, match=r"\(4, 264\).*259"):
        features_to_joints(np.zeros((4, 264)), PAPER_259)
    still = standing_clip(5)
    assert clip_to_features(still, PAPER_259).dtype == np.float32
