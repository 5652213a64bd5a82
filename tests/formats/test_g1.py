"""Trajectories of the Unitree G1 as human motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import g1
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES

_SIDE = (
    # link, place in the robot at rest: x forward, y left, z up, metres
    ("hip_pitch_link", (0.0, 0.064, -0.103)),
    ("hip_roll_link", (0.0, 0.116, -0.13)),
    ("hip_yaw_link", (0.0, 0.116, -0.25)),
    ("knee_link", (0.0, 0.116, -0.43)),
    ("ankle_pitch_link", (0.0, 0.116, -0.73)),
    ("ankle_roll_link", (0.0, 0.116, -0.75)),
)
_ARM = (
    ("shoulder_pitch_link", (0.0, 0.10, 0.29)),
    ("shoulder_roll_link", (0.0, 0.14, 0.28)),
    ("shoulder_yaw_link", (0.0, 0.14, 0.18)),
    ("elbow_link", (0.0, 0.14, 0.09)),
    ("wrist_roll_link", (0.10, 0.14, 0.09)),
    ("wrist_pitch_link", (0.138, 0.14, 0.09)),
    ("wrist_yaw_link", (0.184, 0.14, 0.09)),
)


def _links() -> tuple[list[str], list[int], np.ndarray]:
    names, parents, places = ["pelvis"], [-1], [(0.0, 0.0, 0.0)]

    def add(name: str, parent: int, place: tuple[float, float, float]) -> int:
        names.append(name)
        parents.append(parent)
        places.append(place)
        return len(names) - 1

    torso = 0
    for name in ("waist_yaw_link", "waist_roll_link", "torso_link"):
        torso = add(name, torso, (0.0, 0.0, 0.04))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for chain, root in ((_SIDE, 0), (_ARM, torso)):
            parent = root
            for link, (x, y, z) in chain:
                parent = add(f"{side}_{link}", parent, (x, sign * y, z))
    return names, parents, np.array(places)


def _write(path: Path, frames: int = 40, spike: bool = False) -> Path:
    """The robot standing with its forearms forward, turned to face +y, one link out of place in one frame."""
    names, parents, places = _links()
    turn = rotation.about_axis("z", np.array(np.pi / 2))
    positions = np.tile(rotation.rotate(turn, places) + [0.0, 0.0, 0.785], (frames, 1, 1))
    quaternions = np.tile(turn, (frames, len(names), 1))
    if spike:
        positions[20, names.index("right_elbow_link")] += 0.3
    np.savez(
        path,
        fps=np.float32(30),
        body_names=np.array(names),
        body_parents=np.array(parents, np.int16),
        body_pos=positions.astype(np.float32),
        body_quat_wxyz=quaternions.astype(np.float32),
    )
    return path


def test_standing_robot_is_a_standing_human(tmp_path: Path) -> None:
    (clip,) = g1.read(_write(tmp_path / "robot.npz"))
    joints = {name: clip.joint_positions()[10, joint] for joint, name in enumerate(SMPLX_JOINT_NAMES[:22])}
    assert joints["head"][1] > 1.5
    np.testing.assert_allclose(joints["left_ankle"][1], 0.0765, atol=0.01)
    assert joints["left_shoulder"][0] > 0.1 > -0.1 > joints["right_shoulder"][0]
    forearm = rotation.normalize(joints["left_wrist"] - joints["left_elbow"])
    np.testing.assert_allclose(forearm, [0.0, 0.0, 1.0], atol=0.05)
    upper = rotation.normalize(joints["right_elbow"] - joints["right_shoulder"])
    np.testing.assert_allclose(upper, [0.0, -1.0, 0.0], atol=0.05)


def test_spike_in_one_frame_is_gone(tmp_path: Path) -> None:
    (clean,) = g1.read(_write(tmp_path / "clean.npz"))
    (spiked,) = g1.read(_write(tmp_path / "spiked.npz", spike=True))
    assert np.abs(spiked.joint_positions() - clean.joint_positions()).max() < 0.03


def test_only_trajectories_match(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", poses=np.zeros((3, 72)))
    (tmp_path / "text.npz").write_text("hello")
    assert g1.matches(_write(tmp_path / "robot.npz"))
    assert not g1.matches(tmp_path / "other.npz")
    assert not g1.matches(tmp_path / "text.npz")
    with pytest.raises(BadInput, match="no 'fps' in it"):
        g1.read_source(tmp_path / "other.npz")
    with pytest.raises(BadInput, match="expected a G1 trajectory"):
        g1.read_source(tmp_path / "text.npz")


@pytest.mark.parametrize("kept", [0, 10, 2000])
def test_cut_file_is_no_trajectory_and_says_so(tmp_path: Path, kept: int) -> None:
    path = _write(tmp_path / "robot.npz")
    path.write_bytes(path.read_bytes()[:kept])
    assert not g1.matches(path)
    with pytest.raises(BadInput, match="expected a G1 trajectory"):
        g1.read_source(path)


def test_another_robot_is_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "h1.npz",
        fps=30.0,
        body_names=np.array(["pelvis", "leg"]),
        body_parents=np.array([-1, 0]),
        body_pos=np.zeros((2, 2, 3)),
        body_quat_wxyz=np.tile([1.0, 0, 0, 0], (2, 2, 1)),
    )
    with pytest.raises(BadInput, match="link names of the Unitree G1"):
        g1.read_source(tmp_path / "h1.npz")
