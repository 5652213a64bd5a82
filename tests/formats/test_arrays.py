"""Joint positions and feature vectors in `.npy` files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import PAPER_259, RELEASE_264, clip_to_features
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.stream.ports import read_clips, write_clips
from tests.stream.clips import small_clip


def _read(path: Path) -> MotionClip:
    (clip,) = list(read_clips([str(path)]))
    return clip


def _swinging(frames: int = 60, joints: int = 22) -> MotionClip:
    """Standing feet, arms and trunk that swing slowly: a motion that no filter changes much."""
    turns = np.zeros((frames, joints, 3), np.float32)
    phase = np.linspace(0, 2 * np.pi, frames)
    turns[:, 16, 2] = -0.7 + 0.5 * np.sin(phase)
    turns[:, 17, 2] = 0.7 + 0.5 * np.sin(phase)
    turns[:, 6, 1] = 0.3 * np.sin(phase)
    skeleton = default_skeleton(joints)
    root = np.tile(skeleton.offsets[0], (frames, 1))
    return MotionClip("swing", skeleton, 30.0, root, rotation.from_axis_angle(turns))


@pytest.mark.parametrize("joints", [22, 55])
def test_own_joint_positions_come_back(tmp_path: Path, joints: int) -> None:
    """Through positions alone: the twist of bones is lost, where the joints are is not."""
    clip = small_clip(joints=joints, frames=20)
    write_clips([clip], str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), clip.joint_positions())
    back = _read(tmp_path / "a.npy")
    assert back.skeleton.joint_count == joints and back.fps == 30.0
    np.testing.assert_allclose(back.joint_positions(), clip.joint_positions(), atol=1e-5)


@pytest.mark.parametrize(("count", "scale", "z_up"), [(22, 100.0, False), (24, 0.9, True), (55, 1.1, False)])
def test_other_bodies_are_retargeted(tmp_path: Path, count: int, scale: float, z_up: bool) -> None:
    """Another size, unit or up axis: the pose is ours to within 3 cm about the pelvis."""
    clip = _swinging(joints=55)
    points = clip.joint_positions() * scale
    if count == 24:
        points = np.concatenate((points[:, :22], points[:, [28, 43]]), axis=1)
    points = points[:, :count]
    if z_up:
        points = np.stack((points[..., 0], -points[..., 2], points[..., 1]), axis=-1)
    np.save(tmp_path / "a.npy", points)
    found = _read(tmp_path / "a.npy").joint_positions()[:, :22]
    wanted = clip.joint_positions()[:, :22]
    error = np.linalg.norm((found - found[:, :1]) - (wanted - wanted[:, :1]), axis=-1)
    assert error.mean() < 0.03


@pytest.mark.parametrize(("layout", "ending"), [(RELEASE_264, ".264.npy"), (PAPER_259, ".259.npy")])
def test_features(tmp_path: Path, layout: object, ending: str) -> None:
    clip = _swinging()
    write_clips([clip], str(tmp_path / f"swing{ending}"))
    features = np.load(tmp_path / f"swing{ending}")
    np.testing.assert_array_equal(features, clip_to_features(clip, layout))  # type: ignore[arg-type]
    (tmp_path / "swing.npy").write_bytes((tmp_path / f"swing{ending}").read_bytes())
    for name in (f"swing{ending}", "swing.npy"):
        back = _read(tmp_path / name)
        assert (back.clip_id, back.frames) == ("swing", 59)
        found, wanted = back.joint_positions()[:, :22], clip.joint_positions()[:59]
        np.testing.assert_allclose(found - found[:, :1], wanted - wanted[:, :1], atol=0.03)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((5, 23, 3)), "none that is known in .npy files"),
        (np.zeros((5, 100)), "none that is known in .npy files"),
        (np.full((5, 22, 3), np.nan), "not finite at frame 0"),
        (np.full((5, 264), np.inf), "not finite at frame 0"),
        (np.zeros((0, 22, 3)), "has shape"),
        (np.zeros((5, 22, 3), "U1"), "holds <U1; expected joint positions"),
    ],
)
def test_arrays_that_are_no_motion(tmp_path: Path, values: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(BadInput, match=message):
        _read(tmp_path / "a.npy")


def test_pickled_array_is_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"poses": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput):
        _read(tmp_path / "a.npy")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"text"])
def test_damaged_arrays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(BadInput, match="a.npy"):
        _read(tmp_path / "a.npy")


def test_features_of_one_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        write_clips([small_clip(frames=1)], str(tmp_path / "a.264.npy"))
    assert list(tmp_path.iterdir()) == []
