from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS
from infinitedance_cli.motion.footlock import FootLock, lock_feet
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.leg_ik import LEFT_LEG, solve_leg
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.motion.trajectory_fit import PathFit
from tests.motion.samples import crouch, standing_clip, wandering_clip

LEG_JOINTS = [1, 2, 4, 5, 7, 8]


def swaying(frames: int = 240) -> MotionClip:
    """A dancer who bends and stretches the knees on the spot, feet flat on the floor."""
    return crouch(standing_clip(frames), 0.35 - 0.25 * np.cos(2 * np.pi * np.arange(frames) / 40))


def drifting(clip: MotionClip, speed: float = 0.006, seed: int = 0) -> MotionClip:
    """`clip` sliding over the floor with slowly changing speed, m/frame, and bobbing by a centimetre."""
    random = np.random.default_rng(seed)
    velocity = gaussian_filter1d(random.normal(size=(clip.frames, 3)), 8, axis=0)
    velocity *= speed / velocity.std() * np.array([1, 0, 1])
    root = clip.root_position + np.cumsum(velocity, axis=0)
    bob = gaussian_filter1d(random.normal(size=clip.frames), 10)
    root[:, 1] += 0.01 * bob / bob.std()
    return replace(clip, root_position=root.astype(np.float32))


def foot_steps(clip: MotionClip) -> np.ndarray:
    """Horizontal steps (T-1, 4) of the foot joints, metres."""
    feet = clip.joint_positions()[:, FOOT_JOINTS]
    return np.linalg.norm(np.diff(feet, axis=0)[..., [0, 2]], axis=-1)


def jerk(clip: MotionClip) -> float:
    return float(np.linalg.norm(np.diff(clip.joint_positions()[:, :22].astype(float), n=3, axis=0), axis=-1).mean())


def test_path_fit_solves_the_normal_equations() -> None:
    random = np.random.default_rng(0)
    weights, wanted = random.uniform(size=20), random.normal(size=(20, 2))
    fit = PathFit(20, 2)
    fit.add(0, weights, wanted)
    fit.add(3, 5.0)
    fit.add(1, 0.3, 0.1)
    third, first = np.diff(np.eye(20), n=3, axis=0), np.diff(np.eye(20), axis=0)
    matrix = np.diag(weights) + 5.0 * third.T @ third + 0.3 * first.T @ first
    right = weights[:, None] * wanted + 0.3 * first.T @ np.full((19, 2), 0.1)
    np.testing.assert_allclose(fit.solve(), np.linalg.solve(matrix, right), atol=1e-9)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_path_fit_of_very_short_paths(frames: int) -> None:
    fit = PathFit(frames, 1)
    fit.add(0, 1.0, 2.0)
    fit.add(3, 1.0)
    np.testing.assert_allclose(fit.solve(), np.full((frames, 1), 2.0))


def test_leg_reaches_ankle_and_toe_and_keeps_its_knee_in_front() -> None:
    clip = swaying(40)
    positions, world = forward_kinematics(
        clip.skeleton, clip.root_position.astype(float), clip.joint_rotation.astype(float)
    )
    random = np.random.default_rng(0)
    ankle = positions[:, 7] + random.uniform(-0.08, 0.08, (40, 3)) + np.array([0, 0.12, 0])
    foot = rotation.rotate(
        rotation.from_axis_angle(random.uniform(-0.4, 0.4, (40, 3))), positions[:, 10] - positions[:, 7]
    )
    hip, knee, own = solve_leg(positions, world, LEFT_LEG, ankle, foot)
    offsets = clip.skeleton.offsets.astype(float)
    knee_at = positions[:, 1] + rotation.rotate(hip, offsets[4])
    ankle_at = knee_at + rotation.rotate(knee, offsets[7])
    np.testing.assert_allclose(ankle_at, ankle, atol=1e-6)
    np.testing.assert_allclose(rotation.rotate(own, offsets[10]), foot, atol=1e-6)
    # In front of the line from hip to ankle.
    middle = positions[:, 1] + 0.479 * (ankle - positions[:, 1])
    assert (knee_at - middle)[:, 2].min() > 0


def test_a_leg_out_of_reach_stretches_towards_the_target() -> None:
    clip = standing_clip(1)
    positions, world = forward_kinematics(
        clip.skeleton, clip.root_position.astype(float), clip.joint_rotation.astype(float)
    )
    hip, knee, _ = solve_leg(
        positions, world, LEFT_LEG, positions[:, 7] - [[0, 0.3, 0]], positions[:, 10] - positions[:, 7]
    )
    bones = rotation.rotate(hip, clip.skeleton.offsets[4].astype(float)) + rotation.rotate(
        knee, clip.skeleton.offsets[7].astype(float)
    )
    np.testing.assert_allclose(bones[0], positions[0, 7] - positions[0, 1], atol=1e-3)


def test_planted_feet_stop_sliding_and_stand_on_the_floor() -> None:
    moving = drifting(swaying())
    locked = lock_feet(moving)
    assert (foot_steps(moving) > 0.005).mean() > 0.4
    assert foot_steps(locked).max() < 0.002
    assert locked.contacts is not None and locked.contacts.planted.all()
    rest = default_skeleton(22).rest_positions()[list(FOOT_JOINTS), 1]
    heights = locked.joint_positions()[:, FOOT_JOINTS, 1]
    assert np.abs(heights - rest).max() < 0.004


def test_locking_calms_the_motion_and_touches_legs_and_root_only() -> None:
    moving = drifting(swaying())
    locked = lock_feet(moving)
    assert jerk(locked) <= 1.05 * jerk(moving)
    others = [joint for joint in range(22) if joint not in LEG_JOINTS]
    np.testing.assert_array_equal(locked.joint_rotation[:, others], moving.joint_rotation[:, others])
    lengths = np.linalg.norm(locked.joint_positions()[:, 7] - locked.joint_positions()[:, 4], axis=-1)
    np.testing.assert_allclose(lengths, 0.436, atol=1e-4)


def test_a_clean_dance_hardly_changes() -> None:
    clean = swaying()
    locked = lock_feet(clean)
    assert np.abs(locked.joint_positions() - clean.joint_positions()).max() < 0.004


def test_jumps_stay_jumps() -> None:
    clip = swaying(120)
    height = np.zeros(120)
    height[50:70] = 0.35 * np.sin(np.pi * np.arange(20) / 20)
    jumping = replace(clip, root_position=(clip.root_position + height[:, None] * [0, 1, 0]).astype(np.float32))
    locked = lock_feet(jumping)
    assert locked.contacts is not None and not locked.contacts.planted[54:66].any()
    before, after = jumping.joint_positions()[60, :, 1], locked.joint_positions()[60, :, 1]
    assert np.abs(before - after).max() < 0.03


def test_tiptoe_is_kept() -> None:
    clip = standing_clip(90)
    joints = clip.joint_rotation.copy()
    joints[:, [7, 8]] = rotation.about_axis("x", np.array(0.5)).astype(np.float32)
    raised = replace(clip, joint_rotation=joints)
    lift = 0.0272 - raised.joint_positions()[0, 10, 1]
    raised = replace(raised, root_position=(raised.root_position + np.array([0, lift, 0])).astype(np.float32))
    ankle = raised.joint_positions()[45, 7, 1]
    assert ankle > 0.13
    assert lock_feet(raised).joint_positions()[45, 7, 1] == pytest.approx(ankle, abs=0.01)


def test_feet_do_not_sink_into_the_floor() -> None:
    sunk = wandering_clip(200, joints=22)
    low = sunk.joint_positions()[:, FOOT_JOINTS, 1].min()
    sunk = replace(sunk, root_position=(sunk.root_position - np.array([0, low + 0.05, 0])).astype(np.float32))
    assert lock_feet(sunk).joint_positions()[:, [10, 11], 1].min() > 0.0


def test_given_contacts_decide() -> None:
    moving = drifting(swaying(), speed=0.02)
    probability = np.zeros((240, 4))
    probability[100:140, :2] = 0.9
    locked = lock_feet(moving, probability)
    assert locked.contacts is not None
    np.testing.assert_array_equal(locked.contacts.planted, probability > 0.5)
    steps = foot_steps(locked)
    assert steps[103:137, :2].max() < 0.003 and steps[:60].mean() > 0.01


def test_wrong_contacts_and_foreign_skeletons_are_refused() -> None:
    with pytest.raises(BadInput, match=r"expected \(10, 4\)"):
        lock_feet(standing_clip(10), np.zeros((9, 4)))
    clip = standing_clip(3)
    names = tuple(f"bone{index}" for index in range(22))
    with pytest.raises(BadInput, match="SMPL-X"):
        lock_feet(replace(clip, skeleton=replace(clip.skeleton, joint_names=names)))


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_very_short_clips(frames: int) -> None:
    locked = lock_feet(standing_clip(frames))
    moved = np.abs(locked.joint_positions() - standing_clip(frames).joint_positions())
    # Straight legs are softened: the knees come forward by 2 cm, the rest stays.
    assert moved[:, [4, 5]].max() < 0.025 and np.delete(moved, [4, 5], axis=1).max() < 0.004


def test_the_body_can_be_kept_where_it_is() -> None:
    """Without `moves_body` the path stays, drift and all, and the legs alone bring the feet to rest."""
    clip = drifting(swaying(), speed=0.002)
    locked = lock_feet(clip, np.ones((clip.frames, 4)), FootLock(moves_body=False))
    assert np.abs(locked.root_position - clip.root_position)[:, [0, 2]].max() < 1e-6
    assert foot_steps(locked)[5:-5].max() < 0.5 * foot_steps(clip)[5:-5].max()
