"""AMASS archives and SMPL-X parameters: made by hand from a motion whose joint positions are known."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import amass, smplx_parameters
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.ports import read_clips

FRAMES = 60
TO_Z_UP = np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0])


def _arm_raise() -> np.ndarray:
    """Axis-angles (60, 55, 3): the left arm goes from the T-pose straight up in a second, the right index bends."""
    pose = np.zeros((FRAMES, 55, 3))
    pose[:, 16, 2] = np.linspace(0, np.pi / 2, FRAMES)
    pose[:, 40, 2] = np.linspace(0, 1.0, FRAMES)
    return pose


def _amass(pose: np.ndarray) -> dict[str, np.ndarray]:
    """The same with z up, as AMASS has it, 60 fps, walking along the body's front (−y) at 1 m/s."""
    pose = pose.copy()
    pose[:, 0] = [np.pi / 2, 0, 0]
    trans = np.zeros((FRAMES, 3))
    trans[:, 1], trans[:, 2] = -np.arange(FRAMES) / 60, 1.2
    return {"poses": pose.reshape(FRAMES, -1), "trans": trans, "betas": np.ones(16), "gender": np.array("male")}


def _read(path: Path, **fields: np.ndarray) -> MotionClip:
    np.savez(path, **fields)
    (clip,) = list(read_clips([str(path)]))
    return clip


def _check_arm(clip: MotionClip) -> None:
    """30 fps, feet on the floor, facing +Z, the left wrist beside the shoulder first and above it last."""
    assert (clip.fps, clip.frames) == (30.0, 30)
    points = clip.joint_positions()
    rest = clip.skeleton.rest_positions()
    np.testing.assert_allclose(points[0, 7, 1], rest[7, 1], atol=0.01)
    first, last = points[3, 20] - points[3, 16], points[-3, 20] - points[-3, 16]
    assert first[0] > 0.45 and abs(first[2]) < 0.1
    assert last[1] > 0.45 and abs(last[0]) < 0.15


@pytest.mark.parametrize("rate", ["mocap_framerate", "mocap_frame_rate"])
def test_amass_smplx(tmp_path: Path, rate: str) -> None:
    clip = _read(tmp_path / "a_stageii.npz", **_amass(_arm_raise()), **{rate: np.array(60.0)})
    _check_arm(clip)
    assert clip.body is not None and (clip.body.gender, clip.body.model) == ("male", "smplx")
    assert clip.provenance[0]["format"] == "amass" and clip.provenance[0]["file"] == "a_stageii.npz"
    bent = rotation.to_axis_angle(clip.joint_rotation[:, 40])
    np.testing.assert_allclose(bent[:, 2], np.linspace(0, 1, FRAMES)[::2], atol=1e-3)


def test_amass_walks_forward(tmp_path: Path) -> None:
    """−y of AMASS is our +Z; 1 m/s over one second, on a skeleton whose legs are 7 % longer."""
    clip = _read(tmp_path / "a.npz", **_amass(_arm_raise()), mocap_framerate=np.array(60.0))
    way = clip.root_position[-4] - clip.root_position[4]
    leg = np.linalg.norm(clip.skeleton.offsets[4]) + np.linalg.norm(clip.skeleton.offsets[7])
    assert way[2] == pytest.approx(22 / 30 * leg / 0.78, rel=0.05)
    assert abs(way[0]) < 0.01 and abs(way[1]) < 0.02


def test_amass_smplh(tmp_path: Path) -> None:
    """156 columns: no jaw and eyes between body and hands."""
    fields = _amass(_arm_raise())
    fields["poses"] = np.delete(fields["poses"], np.s_[66:75], axis=1)
    clip = _read(tmp_path / "a.npz", **fields, mocap_framerate=np.array(60.0))
    _check_arm(clip)
    assert rotation.to_axis_angle(clip.joint_rotation[-1, 40])[2] == pytest.approx(58 / 59, abs=1e-3)


def test_amass_smpl_and_parts_agree(tmp_path: Path) -> None:
    fields = _amass(_arm_raise())
    poses = fields.pop("poses")
    smpl = np.concatenate((poses[:, :66], np.zeros((FRAMES, 6))), axis=1)
    rate = {"mocap_framerate": np.array(60.0)}
    one = _read(tmp_path / "smpl.npz", poses=smpl, **fields, **rate)
    other = _read(tmp_path / "parts.npz", root_orient=poses[:, :3], pose_body=poses[:, 3:66], **fields, **rate)
    _check_arm(one)
    np.testing.assert_array_equal(one.joint_rotation, other.joint_rotation)


@pytest.mark.parametrize("up", ["y", "z", "-y"])
def test_parameters_tell_their_up_axis(tmp_path: Path, up: str) -> None:
    pose = _arm_raise()
    pose[:, 0] = {"y": [0, 0, 0], "z": [np.pi / 2, 0, 0], "-y": [np.pi, 0, 0]}[up]
    fields = {"global_orient": pose[:, 0], "body_pose": pose[:, 1:22].reshape(FRAMES, -1), "fps": np.array(60)}
    face = np.repeat(np.arange(FRAMES)[:, None], 10, axis=1)
    clip = _read(tmp_path / "a.npz", **fields, transl=np.zeros((FRAMES, 3)), expression=face)
    _check_arm(clip)
    assert clip.body is not None and clip.body.expression is not None
    np.testing.assert_allclose(clip.body.expression, face[::2], atol=1e-4)


def test_parameters_in_a_pickle(tmp_path: Path) -> None:
    pose = _arm_raise()
    data = {"global_orient": pose[:, :1], "body_pose": pose[:, 1:22], "transl": np.zeros((FRAMES, 3)), "fps": 60}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(data))
    (clip,) = list(read_clips([str(tmp_path / "a.pkl")]))
    _check_arm(clip)


def test_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class _Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.system, (f"touch {tmp_path}/owned",)

    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"global_orient": _Evil(), "body_pose": 0}))
    with pytest.raises(BadInput):
        list(smplx_parameters.read(tmp_path / "a.pkl"))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poses": np.zeros((FRAMES, 100))}, r"poses has shape \(60, 100\); expected"),
        ({"trans": np.zeros((FRAMES - 1, 3))}, r"translation has shape \(59, 3\)"),
        ({"mocap_framerate": np.array([30.0, 60.0])}, "expected one finite number"),
        ({"poses": np.full((FRAMES, 165), np.nan)}, "not finite at frame 0"),
    ],
)
def test_amass_with_other_shapes(tmp_path: Path, change: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "a.npz", **({**_amass(_arm_raise()), "mocap_framerate": np.array(60.0)} | change))
    with pytest.raises(BadInput, match=message):
        list(amass.read(tmp_path / "a.npz"))


def test_missing_field_lists_what_is_there(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", body_pose=np.zeros((3, 63)))
    with pytest.raises(BadInput, match="no global_orient in it; found body_pose"):
        list(smplx_parameters.read(tmp_path / "a.npz"))
