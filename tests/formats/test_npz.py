from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import npz
from infinitedance_cli.formats._smplx import LEG_LENGTH, REST_PELVIS
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import Body, MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.skeleton import Skeleton, default_skeleton
from infinitedance_cli.stream.ports import read_clips, write_clips
from tests.stream.clips import assert_same_clip, full_clip, small_clip


def _write(path: Path, clip: MotionClip) -> dict[str, np.ndarray]:
    with open(path, "wb") as file:
        npz.write(clip, file)
    with np.load(path, allow_pickle=False) as data:
        return dict(data)


def _standing(turn_degrees: float = 0.0) -> MotionClip:
    """One frame in the rest pose, turned about the vertical, one metre to the left of the origin."""
    skeleton = default_skeleton(22)
    turns = rotation.identity(1, 22)
    turns[:, 0] = rotation.about_axis("y", np.radians(turn_degrees).astype(np.float32))
    root = skeleton.offsets[:1] + np.array([[1, 0, 0]], np.float32)
    return MotionClip("standing", skeleton, 30.0, root, turns)


@pytest.mark.parametrize("clip", [full_clip(), small_clip(), full_clip(joints=22)], ids=["full", "motion", "body"])
def test_nothing_is_lost(tmp_path: Path, clip: MotionClip) -> None:
    write_clips([clip], str(tmp_path / "a.npz"))
    (back,) = list(npz.read(tmp_path / "a.npz"))
    assert_same_clip(back, clip)


def test_same_clip_gives_same_bytes(tmp_path: Path) -> None:
    _write(tmp_path / "a.npz", full_clip())
    _write(tmp_path / "b.npz", full_clip())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_fields_that_the_blender_addon_asks_for(tmp_path: Path) -> None:
    data = _write(tmp_path / "a.npz", full_clip())
    rate = data["mocap_framerate"] if "mocap_framerate" in data else None
    assert rate is not None and int(rate) == 30 and int(rate / 30) == 1
    assert str(data["gender"]) == "female"  # of bytes it would be "b'female'"
    assert data["poses"].shape == (12, 165) and data["trans"].shape == (12, 3) and data["betas"].shape == (16,)


def test_fields_that_gmr_and_protomotions_ask_for(tmp_path: Path) -> None:
    data = _write(tmp_path / "a.npz", full_clip())
    assert data["mocap_frame_rate"].item() == 30.0
    assert data["pose_body"].shape == (12, 63) and data["root_orient"].shape == (12, 3)
    np.testing.assert_array_equal(data["betas"], [*range(10), 0, 0, 0, 0, 0, 0])
    parts = ("root_orient", "pose_body", "pose_jaw", "pose_eye", "pose_hand")
    np.testing.assert_array_equal(np.concatenate([data[part] for part in parts], axis=1), data["poses"])
    assert data["mocap_time_length"] == pytest.approx(0.4)


def test_fields_of_the_smplx_package(tmp_path: Path) -> None:
    data = _write(tmp_path / "a.npz", full_clip())
    parts = ("global_orient", "body_pose", "jaw_pose", "leye_pose", "reye_pose", "left_hand_pose", "right_hand_pose")
    np.testing.assert_array_equal(np.concatenate([data[part] for part in parts], axis=1), data["poses"])
    np.testing.assert_array_equal(data["transl"], data["trans"])
    np.testing.assert_array_equal(data["expression"], np.ones((12, 10)))


def test_world_has_z_up_and_the_body_faces_minus_y(tmp_path: Path) -> None:
    """Worked by hand: a body at rest that faces our +Z is turned by 90 degrees about x."""
    data = _write(tmp_path / "a.npz", _standing())
    np.testing.assert_allclose(data["root_orient"], [[np.pi / 2, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(data["pose_body"], 0, atol=1e-6)
    skeleton = default_skeleton(22)
    leg = np.linalg.norm(skeleton.offsets[4]) + np.linalg.norm(skeleton.offsets[7])
    scale = LEG_LENGTH / leg
    pelvis = np.array([1.0 * scale, 0.0, skeleton.offsets[0, 1] * scale])
    np.testing.assert_allclose(data["trans"], [pelvis - REST_PELVIS], atol=1e-6)


def test_an_smplx_body_moves_as_ours_does(tmp_path: Path) -> None:
    """Forward kinematics of the fields on a body of SMPL-X's kind: every bone points where ours does."""
    clip = small_clip(joints=55)
    data = _write(tmp_path / "a.npz", clip)
    turns = rotation.from_axis_angle(data["poses"].reshape(12, 55, 3))
    pelvis = data["trans"] + REST_PELVIS
    found, _ = forward_kinematics(clip.skeleton, pelvis, turns)
    ours = clip.joint_positions().astype(float)
    wanted = ours - ours[:, :1]
    wanted = np.stack((wanted[..., 0], -wanted[..., 2], wanted[..., 1]), axis=-1)
    np.testing.assert_allclose(found - found[:, :1], wanted, atol=2e-6)


@pytest.mark.parametrize(
    ("fps", "written"), [(25.0, 30), (29.97, 30), (50.0, 60), (24.0, 30), (60.0, 60), (120.0, 120)]
)
def test_frame_rates_are_ones_that_blender_accepts(tmp_path: Path, fps: float, written: int) -> None:
    clip = replace(small_clip(frames=51), fps=fps)
    data = _write(tmp_path / "a.npz", clip)
    assert data["mocap_framerate"] == written
    seconds = 50 / fps
    assert len(data["poses"]) == int(np.floor(seconds * written + 1e-6)) + 1
    (back,) = list(npz.read(tmp_path / "a.npz"))
    assert_same_clip(back, clip)


def test_readable_without_this_package(tmp_path: Path) -> None:
    data = _write(tmp_path / "a.npz", full_clip())
    assert str(data["idance_genre"]) == "Popular" and str(data["idance_up"]) == "+Z"
    np.testing.assert_array_equal(data["idance_beats"], [0.1, 0.6, 1.1 / 3])
    assert json.loads(str(data["idance_provenance"]))[0]["seed"] == 3
    assert list(data["idance_joint_names"])[:2] == ["pelvis", "left_hip"]


def test_edited_poses_win(tmp_path: Path) -> None:
    """Somebody bends the left elbow in the file: the change is read, the rest of the clip is kept."""
    data = _write(tmp_path / "a.npz", full_clip())
    data["poses"][:, 18 * 3 : 19 * 3] = [0.0, -1.0, 0.0]
    np.savez(tmp_path / "b.npz", **data)
    (back,) = list(npz.read(tmp_path / "b.npz"))
    np.testing.assert_allclose(
        rotation.to_axis_angle(back.joint_rotation[:, 18]), np.tile([0, -1, 0], (12, 1)), atol=1e-6
    )
    np.testing.assert_allclose(back.root_position, full_clip().root_position, atol=1e-6)
    others = [joint for joint in range(55) if joint != 18]
    same = np.abs(np.sum(back.joint_rotation[:, others] * full_clip().joint_rotation[:, others], axis=-1))
    np.testing.assert_allclose(same, 1, atol=1e-6)
    assert back.labels == full_clip().labels and back.contacts is None


def test_betas_of_another_body_are_not_written(tmp_path: Path) -> None:
    clip = replace(small_clip(), body=Body("anny", np.ones(5, np.float32)))
    np.testing.assert_array_equal(_write(tmp_path / "a.npz", clip)["betas"], np.zeros(16))


def test_other_joints_are_refused(tmp_path: Path) -> None:
    skeleton = Skeleton(("root", "tip"), (-1, 0), np.ones((2, 3), np.float32))
    clip = MotionClip("robot", skeleton, 30.0, np.zeros((2, 3), np.float32), rotation.identity(2, 2))
    with pytest.raises(BadInput, match="its 2 joints are not SMPL-X's"):
        write_clips([clip], str(tmp_path / "a.npz"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated", b"hello"])
def test_damaged_archives(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(BadInput, match="a.npz"):
        list(npz.read(tmp_path / "a.npz"))


def test_content_that_no_format_knows(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"hello")
    np.savez(tmp_path / "b.npz", weights=np.zeros(3))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(BadInput, match=f"{name}: its content is none that is known in .npz files: AMASS"):
            list(read_clips([str(tmp_path / name)]))


def test_truncated_archive(tmp_path: Path) -> None:
    _write(tmp_path / "a.npz", full_clip())
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-2000])
    with pytest.raises(BadInput, match="a.npz"):
        list(npz.read(tmp_path / "a.npz"))
