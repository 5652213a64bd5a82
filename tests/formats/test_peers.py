"""Dances of EDGE, LODGE, FineDance and Bailando as clips of ours."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import bailando, edge, lodge
from infinitedance_cli.motion import rotation
from infinitedance_cli.stream.dispatch import format_for_reading
from tests.stages.evaluate import peers


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("a.pkl", "edge"),
        ("aist.pkl", "aistpp"),
        ("135.npy", "lodge"),
        ("319.npy", "lodge"),
        ("b.pkl.npy", "bailando"),
        ("flat.npy", "bailando"),
        ("joints.npy", "joints"),
    ],
)
def test_content_tells_whose_file_it_is(tmp_path: Path, name: str, format_name: str) -> None:
    path = tmp_path / name
    if name == "a.pkl":
        peers.write_edge(path)
    elif name == "aist.pkl":
        peers.write_aistpp(path)
    elif name == "b.pkl.npy":
        peers.write_bailando(path)
    elif name in ("135.npy", "319.npy"):
        peers.write_lodge(path, int(name[:3]))
    else:
        joints = peers.smpl_dance()[2]
        np.save(path, joints if name == "joints.npy" else joints.reshape(len(joints), -1))
    assert format_for_reading(path).name == format_name


def test_rotations_go_over_as_they_are(tmp_path: Path) -> None:
    _, turns, _ = peers.smpl_dance()
    read = [
        next(edge.read(peers.write_edge(tmp_path / "a.pkl"))),
        next(lodge.read(peers.write_lodge(tmp_path / "a.npy", 139))),
        next(lodge.read(peers.write_lodge(tmp_path / "b.npy", 315))),
    ]
    for clip in read:
        assert (clip.fps, clip.frames, clip.skeleton.joint_count) == (30.0, 40, 55)
        elbows = np.abs(np.sum(clip.joint_rotation[:, 18:20] * turns[:, 18:20], axis=-1))
        np.testing.assert_allclose(elbows, 1, atol=1e-3)
    # All are the same dance, whichever way is up in the file.
    for clip in read[1:]:
        np.testing.assert_allclose(clip.root_position, read[0].root_position, atol=1e-3)
    np.testing.assert_allclose(read[2].joint_rotation[:, 25:], rotation.identity(40, 30), atol=1e-6)


def test_edge_s_ground_truth_is_upright_at_sixty_frames(tmp_path: Path) -> None:
    pelvis, turns, positions = peers.smpl_dance(80)
    poses = np.zeros((80, 72))
    poses[:, :66] = rotation.to_axis_angle(turns).reshape(80, 66)
    for name, content in (
        ("whole", {"pos": pelvis * 90, "q": poses, "scale": np.array([90.0])}),
        ("slice", {"pos": pelvis, "q": poses}),
    ):
        path = tmp_path / f"{name}.pkl"
        path.write_bytes(pickle.dumps(content))
        assert format_for_reading(path).name == "edge"
        found = edge.read_positions(path)
        assert found.fps == 60.0
        np.testing.assert_allclose(found.positions, positions, atol=1e-6)
        (clip,) = edge.read(path)
        assert clip.duration_s == pytest.approx(80 / 60, abs=0.05)


def test_bailando_comes_back_at_its_places(tmp_path: Path) -> None:
    path = peers.write_bailando(tmp_path / "a.pkl.npy")
    (clip,) = bailando.read(path)
    assert clip.clip_id == "a" and clip.duration_s == pytest.approx(80 / 60, abs=0.05)
    assert bailando.read_positions(path).positions.shape == (80, 24, 3)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("harm",))


def test_nothing_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.array({"pred_position": Harmful()}, dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="only numpy arrays"):
        next(bailando.read(path))
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"smpl_poses": Harmful()}))
    with pytest.raises(BadInput, match="only numpy arrays"):
        next(edge.read(path))
    assert capsys.readouterr().out == ""


def test_wrong_shapes(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"smpl_poses": np.zeros((4, 66)), "smpl_trans": np.zeros((4, 3))}))
    with pytest.raises(BadInput, match=r"\(4, 66\)"):
        next(edge.read(path))
    path.write_bytes(pickle.dumps({"full_pose": np.zeros((4, 24, 3))}))
    with pytest.raises(BadInput, match="smpl_poses"):
        next(edge.read(path))  # positions alone can be measured, not converted
    np.save(tmp_path / "a.npy", np.array({"pred_position": np.zeros((4, 70))}, dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match=r"\(4, 70\)"):
        next(bailando.read(tmp_path / "a.npy"))
    np.save(tmp_path / "b.npy", np.zeros((0, 139)))
    with pytest.raises(BadInput, match=r"\(0, 139\)"):
        next(lodge.read(tmp_path / "b.npy"))
