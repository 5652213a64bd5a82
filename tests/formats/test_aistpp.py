"""AIST++ pickles and segments, and the unpickler that admits arrays only."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import aistpp
from infinitedance_cli.formats._safe_pickle import load_arrays
from infinitedance_cli.motion import rotation


def _motion(frames: int = 60, scaling: float = 90.0) -> dict[str, np.ndarray]:
    """Standing with the left elbow bent by 1 radian, walking 1 m along x at SMPL's size."""
    poses = np.zeros((frames, 72))
    poses[:, 18 * 3 + 1] = -1.0
    translation = np.zeros((frames, 3))
    translation[:, 0] = np.linspace(0.0, scaling, frames)
    translation[:, 1] = 1.2 * scaling
    return {"smpl_poses": poses, "smpl_scaling": np.array([scaling]), "smpl_trans": translation}


def _save(path: Path, content: object) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path


def test_translation_is_divided_by_the_scaling(tmp_path: Path) -> None:
    (clip,) = aistpp.read(_save(tmp_path / "a.pkl", _motion(61)))
    assert clip.fps == 30.0
    assert clip.frames == 31
    # One metre at SMPL's leg length, about 0.78 m; ours is 0.837 m.
    assert np.ptp(clip.root_position[:, [0, 2]], axis=0).max() == pytest.approx(0.837 / 0.78, abs=0.03)
    (other,) = aistpp.read(_save(tmp_path / "b.pkl", _motion(61, scaling=1.0)))
    np.testing.assert_allclose(other.root_position, clip.root_position, atol=1e-4)


def test_local_rotations_go_over_as_they_are(tmp_path: Path) -> None:
    (clip,) = aistpp.read(_save(tmp_path / "a.pkl", _motion()))
    np.testing.assert_allclose(
        rotation.to_axis_angle(clip.joint_rotation[:, 18]), [[0, -1, 0]] * clip.frames, atol=1e-4
    )
    np.testing.assert_allclose(clip.joint_rotation[:, 12, 0], 1.0, atol=1e-5)


def test_feet_stand_on_the_floor(tmp_path: Path) -> None:
    motion = _motion()
    motion["smpl_trans"][:, 0] = 0.0
    (clip,) = aistpp.read(_save(tmp_path / "a.pkl", motion))
    np.testing.assert_allclose(clip.joint_positions()[:, [7, 8], 1], 0.0765, atol=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smpl_poses": np.zeros((60, 66))}, r"\(60, 66\)"),
        ({"smpl_scaling": np.array([0.0])}, "smpl_scaling 0"),
        ({"smpl_trans": np.zeros((59, 3))}, r"\(59, 3\)"),
    ],
)
def test_wrong_shapes_are_refused(change: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    path = _save(tmp_path / "a.pkl", _motion() | change)
    with pytest.raises(BadInput, match=message):
        list(aistpp.read(path))


def test_foreign_pickles_do_not_match(tmp_path: Path) -> None:
    other = _save(tmp_path / "b.pkl", {"fps": 30})
    assert aistpp.matches(_save(tmp_path / "a.pkl", _motion()))
    assert not aistpp.matches(other)
    with pytest.raises(BadInput, match="smpl_poses"):
        list(aistpp.read(other))


class _Runs:
    """A pickle that would run a command when it is loaded without care."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = _save(tmp_path / "evil.pkl", {"smpl_poses": _Runs(marker)})
    with pytest.raises(BadInput, match="only numpy arrays are admitted"):
        load_arrays(path)
    assert not marker.exists()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_and_plain_values_come_back(protocol: int) -> None:
    content = {"a": np.arange(6.0).reshape(2, 3), "b": [1, "two", None], "c": np.float32(0.5)}
    loaded = load_arrays(io.BytesIO(pickle.dumps(content, protocol=protocol)), "memory")
    np.testing.assert_array_equal(loaded["a"], content["a"])
    assert loaded["b"] == [1, "two", None]
    assert loaded["c"] == np.float32(0.5)


def test_truncated_pickle_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.pkl"
    path.write_bytes(pickle.dumps(_motion())[:100])
    with pytest.raises(BadInput) as error:
        load_arrays(path)
    assert "\n" not in str(error.value)


def test_segments_start_every_two_seconds_on_one_floor(tmp_path: Path) -> None:
    frames = np.tile([1.0, 0.0, 0.0, 0.0], (3, 60, 22, 1))
    translation = np.tile([0.0, 1.2, 0.0], (3, 60, 1))
    translation[1, :, 1] += 0.3  # the second segment is all in the air
    np.savez(
        tmp_path / "s.npz",
        **{"fps": np.float32(30), "c/trans": translation, "c/joint_rotation_wxyz": frames, "c/bpm": np.float32(120)},
    )
    segments = list(aistpp.read_segments(tmp_path / "s.npz"))
    assert [clip.clip_id for clip, _, _ in segments] == ["c__1", "c__2", "c__3"]
    assert [start for _, _, start in segments] == [0.0, 2.0, 4.0]
    assert {tempo for _, tempo, _ in segments} == {120.0}
    ankles = [float(np.median(clip.joint_positions()[:, 7, 1])) for clip, _, _ in segments]
    assert ankles[0] == pytest.approx(0.0765, abs=0.01)
    assert ankles[1] > 0.3
