"""Whole clips through `retarget`: rest poses, units, axes, mirror images, spikes, speed, floor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.mirror import mirror
from infinitedance_cli.motion.retarget import RetargetOptions, SourceMotion, retarget
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, default_skeleton
from tests.motion.retarget import rigs

PLAIN = RetargetOptions(cutoff_hz=0.0, despike=False, plant_feet=False)


def _joint(clip: MotionClip, name: str) -> NDArray[np.float32]:
    return clip.joint_positions()[:, SMPLX_JOINT_NAMES.index(name)]


def test_t_pose_gives_identity_rotations_on_the_floor() -> None:
    clip = retarget(rigs.source(rigs.still()))
    np.testing.assert_allclose(clip.joint_rotation[:, :22, 0], 1.0, atol=1e-5)
    rest = default_skeleton().rest_positions()
    np.testing.assert_allclose(clip.joint_positions()[:, :22], np.tile(rest[:22], (30, 1, 1)), atol=2e-3)


def test_arm_hanging_down_points_down_and_forearm_bends_forward() -> None:
    angles = {"LeftArm": (-90.0, 0.0, 0.0), "LeftForeArm": (0.0, 0.0, -90.0)}
    clip = retarget(rigs.source(rigs.still(angles=angles)), PLAIN)
    shoulder, elbow, wrist = (_joint(clip, f"left_{name}")[0] for name in ("shoulder", "elbow", "wrist"))
    np.testing.assert_allclose(elbow - shoulder, [0.0, -0.2688, 0.0], atol=1e-4)
    np.testing.assert_allclose(wrist - elbow, [0.0, 0.0, 0.24222], atol=1e-4)


def test_root_travels_by_the_ratio_of_leg_lengths() -> None:
    root = [(2.0 * frame, 95.0, 0.0) for frame in range(30)]
    clip = retarget(rigs.source(rigs.still(), root=root), replace(PLAIN, face_forward=False))
    ratio = (0.40136 + 0.43599) / 0.82
    np.testing.assert_allclose(clip.root_position[-1, 0] - clip.root_position[0, 0], 0.58 * ratio, atol=1e-4)


@pytest.mark.parametrize("scale", [0.01, 1 / 2.54, 1 / 5.644, 10.0])
def test_units_do_not_matter(scale: float) -> None:
    frames = rigs.dance()
    usual, other = retarget(rigs.source(frames)), retarget(rigs.source(frames, rigs.Rig(scale=scale)))
    np.testing.assert_allclose(other.joint_positions(), usual.joint_positions(), atol=2e-4)
    height = np.ptp(other.joint_positions()[0, :22, 1])
    assert 1.4 < height < 1.7


def test_z_up_rig_comes_out_upright_and_alike() -> None:
    frames = rigs.dance()
    usual, other = retarget(rigs.source(frames)), retarget(rigs.source(frames, rigs.Rig(z_up=True, scale=1 / 5.644)))
    np.testing.assert_allclose(other.joint_positions(), usual.joint_positions(), atol=5e-4)


def test_names_of_another_rig_and_no_names_at_all() -> None:
    frames = rigs.dance()
    usual = retarget(rigs.source(frames))
    perfume = {
        "LeftUpLeg": "LeftHip",
        "LeftLeg": "LeftKnee",
        "LeftFoot": "LeftAnkle",
        "LeftToeBase": "LeftToe",
        "Spine": "Chest",
        "Spine1": "Chest2",
        "Spine2": "Chest3",
        "LeftShoulder": "LeftCollar",
        "LeftArm": "LeftShoulder",
        "LeftForeArm": "LeftElbow",
        "LeftHand": "LeftWrist",
    }
    perfume |= {left.replace("Left", "Right"): new.replace("Left", "Right") for left, new in perfume.items()}
    nameless = {joint: f"j{number}" for number, (joint, _, _) in enumerate(rigs.JOINTS)}
    for rename in (perfume, nameless):
        other = retarget(rigs.source(frames, rigs.Rig(rename=rename)))
        np.testing.assert_allclose(other.joint_positions()[:, :22], usual.joint_positions()[:, :22], atol=1e-3)


def test_mirrored_source_gives_the_mirrored_clip() -> None:
    frames = rigs.dance()
    swapped = [
        {
            name.replace("Left", "#").replace("Right", "Left").replace("#", "Right"): (-z, x, -y)
            for name, (z, x, y) in angles.items()
        }
        for angles in frames
    ]
    mirrored = retarget(rigs.source(swapped))
    expected = mirror(retarget(rigs.source(frames)))
    np.testing.assert_allclose(mirrored.joint_positions(), expected.joint_positions(), atol=1e-4)


def test_first_frame_faces_forward_over_the_origin() -> None:
    turned = [{**angles, "Hips": (0.0, 0.0, 130.0)} for angles in rigs.dance()]
    clip = retarget(rigs.source(turned, root=[(300.0, 95.0, -200.0)] * len(turned)))
    assert abs(float(rotation.heading(clip.joint_rotation[0, 0]))) < 1e-3
    np.testing.assert_allclose(clip.root_position[0, [0, 2]], 0.0, atol=1e-5)


def test_bone_lengths_are_ours_and_directions_the_sources() -> None:
    source = rigs.source(rigs.dance())
    clip = retarget(source, replace(PLAIN, face_forward=False))
    for end, start, theirs, before in (
        ("left_elbow", "left_shoulder", "LeftForeArm", "LeftArm"),
        ("right_wrist", "right_elbow", "RightHand", "RightForeArm"),
        ("left_ankle", "left_knee", "LeftFoot", "LeftLeg"),
    ):
        ours = _joint(clip, end) - _joint(clip, start)
        bone = source.positions[:, source.joint_names.index(theirs)]
        bone = bone - source.positions[:, source.joint_names.index(before)]
        cosine = np.sum(rotation.normalize(ours) * rotation.normalize(bone), axis=-1)
        assert cosine.min() > np.cos(np.radians(0.1))


def test_fps_is_thirty_and_duration_kept() -> None:
    clip = retarget(rigs.source(rigs.dance(241), rigs.Rig(fps=120.0)))
    assert clip.fps == 30.0
    assert clip.frames == 61  # 2 s and both ends


def test_spikes_are_removed() -> None:
    clean = rigs.dance()
    spiked = list(clean)
    spiked[40] = {**clean[40], "LeftArm": (60.0, 0.0, 0.0), "RightLeg": (0.0, 90.0, 0.0)}
    root = [(0.0, 95.0, 0.0)] * len(clean)
    root[20] = (0.0, 120.0, 0.0)
    expected, mended = retarget(rigs.source(clean)), retarget(rigs.source(spiked, root=root))
    moved = np.linalg.norm(mended.joint_positions() - expected.joint_positions(), axis=-1)
    # The raw spikes move the wrist by a metre and everything else by a quarter.
    assert moved.max() < 0.05


def test_no_joint_turns_faster_than_the_limit() -> None:
    rng = np.random.default_rng(0)
    wild = [
        {name: tuple(rng.uniform(-80, 80, 3)) for name in ("LeftArm", "RightForeArm", "Spine1", "Hips", "LeftHand")}
        for _ in range(60)
    ]
    clip = retarget(rigs.source(wild))
    velocity = rotation.angular_velocity(clip.joint_rotation.astype(np.float64), 30.0)
    assert np.linalg.norm(velocity, axis=-1).max() <= 20.0 + 1e-6


def test_accents_keep_their_height() -> None:
    """A hit, an arm that swings out and back in a quarter of a second, keeps 95 % of its reach."""
    time = np.arange(120) / 30.0
    swing = -80.0 + 70.0 * np.exp(-0.5 * ((time - 2.0) / 0.06) ** 2)
    clip = retarget(rigs.source([{"LeftArm": (float(angle), 0.0, 0.0)} for angle in swing]))
    plain = retarget(rigs.source([{"LeftArm": (float(angle), 0.0, 0.0)} for angle in swing]), PLAIN)
    ours, theirs = (np.ptp(_joint(each, "left_wrist")[:, 1]) for each in (clip, plain))
    assert ours > 0.95 * theirs


def test_a_floating_recording_is_brought_to_the_floor_and_a_jump_stays_a_jump() -> None:
    frames = 300
    drift = np.interp(np.arange(frames), [0, 60, 240, 300], [0.0, 0.0, 40.0, 40.0])
    root = [(0.0, 95.0 + float(height), 0.0) for height in drift]
    clip = retarget(rigs.source(rigs.still(frames), root=root))
    feet = clip.joint_positions()[:, [7, 8], 1]
    np.testing.assert_allclose(feet[30:-30], 0.077, atol=0.03)
    time = np.arange(90) / 30.0
    height = np.where((time > 1.0) & (time < 1.5), 9.81 * 50 * (time - 1.0) * (1.5 - time), 0.0)
    jump = retarget(rigs.source(rigs.still(90), root=[(0.0, 95.0 + float(h), 0.0) for h in height]))
    assert jump.joint_positions()[:, [7, 8], 1].max() > 0.35


def test_body_without_arms_is_refused() -> None:
    source = rigs.source(rigs.still())
    keep = [j for j, name in enumerate(source.joint_names) if "Arm" not in name and "Hand" not in name]
    place = {old: new for new, old in enumerate(keep)}
    small = SourceMotion(
        "legs",
        30.0,
        tuple(source.joint_names[j] for j in keep),
        tuple(place.get(source.parents[j], 0) if j else -1 for j in keep),
        source.offsets[keep],
        source.positions[:, keep],
        source.rotations[:, keep] if source.rotations is not None else None,
    )
    with pytest.raises(BadInput, match="no body with two legs and two arms"):
        retarget(small)


def test_positions_alone_give_the_same_joints() -> None:
    source = rigs.source(rigs.dance())
    bare = replace(source, rotations=None)
    ours, theirs = (retarget(each, PLAIN).joint_positions()[:, :22] for each in (bare, source))
    limbs = [
        SMPLX_JOINT_NAMES.index(f"{s}_{n}") for s in ("left", "right") for n in ("knee", "ankle", "elbow", "wrist")
    ]
    # The trunk's roll is read from hips and shoulders, so a few centimetres are left at the hands.
    assert np.linalg.norm(ours[:, limbs] - theirs[:, limbs], axis=-1).mean() < 0.03
