"""DD100 and InterDance: files written as they are published."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.stream.dispatch import format_for_reading
from infinitedance_cli.stream.ports import read_file

ELBOW, FINGER, JAW = 18, 25, 22


def poses(frames: int = 9) -> Any:
    """A body that stands and bends the left elbow by 1 rad, the first finger joint by 0.5 and the jaw by 0.2."""
    values = np.zeros((frames, 55, 3))
    values[:, ELBOW, 1], values[:, FINGER, 2], values[:, JAW, 0] = -1.0, 0.5, 0.2
    return values


def turned(clip: Any, joint: int) -> float:
    """How far a joint is turned, radians."""
    return float(2 * np.arccos(np.clip(np.abs(clip.joint_rotation[4, joint, 0]), 0, 1)))


def write_dd100(path: Path, **changes: Any) -> None:
    frames = 9
    data = {
        "poses": poses(frames).reshape(frames, 165),
        "global_orient": np.zeros((frames, 3)),
        "transl": np.linspace(0, 1, frames)[:, None] * [1.0, 0.0, 0.0],
        "betas": np.ones((frames, 16)),
        "meta": {"gender": "female"},
    }
    np.save(path, np.array({**data, **changes}, dtype=object))


def test_a_dancer_of_dd100(tmp_path: Path) -> None:
    path = tmp_path / "Waltz_5_0_00.npy"
    write_dd100(path)
    (clip,) = read_file(path)
    assert (format_for_reading(path).name, clip.frames, clip.fps, clip.clip_id) == ("dd100", 9, 30.0, "Waltz_5_0_00")
    assert [round(turned(clip, joint), 3) for joint in (ELBOW, FINGER, JAW)] == [1.0, 0.5, 0.2]
    assert clip.body is not None
    assert (clip.body.model, clip.body.gender, clip.body.betas.tolist()) == ("smplx", "female", [1.0] * 10)
    walked = clip.root_position[-1] - clip.root_position[0]
    assert walked[0] > 0.8 and abs(walked[1]) < 0.02 and abs(walked[2]) < 0.02


@pytest.mark.parametrize("joints_apart", [True, False])
def test_a_dancer_of_interdance(tmp_path: Path, joints_apart: bool) -> None:
    path = tmp_path / "rumba_0.pkl"
    values = poses() if joints_apart else poses().reshape(9, 165)
    path.write_bytes(pickle.dumps({"trans": np.zeros((9, 3)), "pose": values, "beta": np.full(10, 0.5)}))
    (clip,) = read_file(path)
    assert (format_for_reading(path).name, clip.frames, clip.fps) == ("interdance", 9, 30.0)
    assert [round(turned(clip, joint), 3) for joint in (ELBOW, FINGER, JAW)] == [1.0, 0.5, 0.2]
    assert clip.body is not None and clip.body.betas.tolist() == [0.5] * 10
    assert rotation.to_axis_angle(clip.joint_rotation[0, ELBOW])[1] < -0.9


def test_what_is_no_dancer_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    write_dd100(path, poses=np.zeros((9, 72)))
    with pytest.raises(BadInput, match=r"poses have shape \(9, 72\); expected \(T, 165\)"):
        next(read_file(path))
    write_dd100(path, transl=np.zeros((4, 3)))
    with pytest.raises(BadInput, match="translation"):
        next(read_file(path))


def test_an_array_that_would_run_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            import os

            return os.system, ("touch evil",)

    path = tmp_path / "evil.npy"
    np.save(path, np.array({"poses": Evil(), "transl": 0}, dtype=object))
    with pytest.raises(BadInput):
        next(read_file(path))
    assert not (tmp_path / "evil").exists()
