from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._peers import FROM_FILE, FROM_REST_JOINTS, FROM_ROTATIONS
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import RELEASE_264, features_to_joints, motion_to_features
from infinitedance_cli.motion.retarget.smpl import smpl_offsets
from infinitedance_cli.motion.skeleton import SMPLX_PARENTS
from infinitedance_cli.stages.evaluate.dances import Dance, read_dances
from infinitedance_cli.stages.evaluate.mesh_pose import mesh_pose
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import facts_of
from infinitedance_cli.stream.ports import write_clips
from infinitedance_cli.stream.shard_writer import ShardWriter
from tests.motion.samples import wandering_clip
from tests.stages.evaluate import peers


def one(path: Path, **options: float) -> Dance:
    (dance,) = read_dances([str(path)], **options)  # type: ignore[arg-type]
    return dance


@pytest.mark.parametrize("with_positions", [True, False])
def test_edge_is_turned_upright(tmp_path: Path, with_positions: bool) -> None:
    dance = one(peers.write_edge(tmp_path / "e_song.pkl", with_positions=with_positions))
    expected = peers.smpl_dance()[2]
    assert (dance.name, dance.fps, dance.frames) == ("e_song", 30.0, 40)
    assert dance.joints_from == (FROM_FILE if with_positions else FROM_ROTATIONS)
    np.testing.assert_allclose(dance.positions(30.0), expected, atol=1e-5)
    whole = dance.positions(30.0, "smpl")
    if with_positions:
        expected = peers.with_hands(expected)
    np.testing.assert_allclose(whole, expected, atol=1e-5)


@pytest.mark.parametrize("columns", [135, 139, 315, 319])
def test_lodge_and_finedance(tmp_path: Path, columns: int) -> None:
    dance = one(peers.write_lodge(tmp_path / "012.npy", columns))
    np.testing.assert_allclose(dance.positions(30.0), peers.smpl_dance()[2], atol=1e-5)


def test_bailando_is_at_sixty_frames(tmp_path: Path) -> None:
    dance = one(peers.write_bailando(tmp_path / "gBR_d04_mBR0.pkl.npy"))
    expected = peers.with_hands(peers.smpl_dance(80)[2])
    assert (dance.name, dance.fps) == ("gBR_d04_mBR0", 60.0)
    np.testing.assert_allclose(dance.positions(60.0, "smpl"), expected)
    np.testing.assert_allclose(dance.positions(30.0), expected[::2, :22])


def test_aistpp_keeps_its_rate_and_is_not_retargeted(tmp_path: Path) -> None:
    dance = one(peers.write_aistpp(tmp_path / "gBR_sBM.pkl"))
    assert dance.fps == 60.0
    np.testing.assert_allclose(dance.positions(60.0), peers.smpl_dance(80)[2], atol=1e-6)


def test_joints_and_features_of_the_release(tmp_path: Path) -> None:
    joints = wandering_clip(50, joints=22).joint_positions()
    np.save(tmp_path / "joints.npy", joints)
    np.save(tmp_path / "flat.npy", joints.reshape(50, 66))
    features = motion_to_features(joints, None, RELEASE_264)
    np.save(tmp_path / "take.264.npy", features)
    for name in ("joints", "flat"):
        np.testing.assert_allclose(one(tmp_path / f"{name}.npy").positions(30.0), joints)
    dance = one(tmp_path / "take.264.npy")
    assert dance.name == "take"
    np.testing.assert_allclose(dance.positions(30.0), features_to_joints(features, RELEASE_264))


def test_rest_joints_of_a_licensed_body(tmp_path: Path) -> None:
    offsets = smpl_offsets() * 1.1
    rest = offsets.copy()
    for joint, parent in enumerate(SMPLX_PARENTS[:22]):
        if parent >= 0:
            rest[joint] += rest[parent]
    path = peers.write_lodge(tmp_path / "a.npy", 139)
    (dance,) = read_dances([str(path)], rest_joints=rest)
    assert dance.joints_from == FROM_REST_JOINTS
    pelvis, _, positions = peers.smpl_dance()
    expected = pelvis[:, None] + 1.1 * (positions - pelvis[:, None])
    np.testing.assert_allclose(dance.positions(30.0), expected, atol=1e-5)


def test_hands_and_faces_of_clips() -> None:
    clip = wandering_clip(10)
    whole = clip.joint_positions()
    dance = Dance("", clip=clip)
    np.testing.assert_allclose(dance.positions(30.0), whole[:, :22])
    middle = [clip.skeleton.index(f"{side}_middle1") for side in ("left", "right")]
    np.testing.assert_allclose(dance.positions(30.0, "smpl")[:, 22:], whole[:, middle])
    np.testing.assert_allclose(dance.positions(30.0, "smplx"), whole[:, :24])


def test_another_rate_may_be_told(tmp_path: Path) -> None:
    dance = one(peers.write_lodge(tmp_path / "a.npy", 135), fps=60.0)
    assert dance.fps == 60.0 and len(dance.positions(30.0)) == 20


def test_folders_are_read_by_name_and_other_files_in_them_passed_over(tmp_path: Path) -> None:
    peers.write_lodge(tmp_path / "b.npy", 135)
    peers.write_edge(tmp_path / "a.pkl")
    (tmp_path / "notes.md").write_text("nothing")
    write_clips([wandering_clip(20), wandering_clip(20, 1)], str(tmp_path / "c.h5"))
    names = [dance.name for dance in read_dances([str(tmp_path)])]
    assert names == ["a", "b", "wandering-0", "wandering-1"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no motion file"):
        read_dances([str(tmp_path / "empty")])


def test_a_folder_of_shards_is_one_set_of_clips(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "dances") as writer:
        for clip in (wandering_clip(20), wandering_clip(20, 1)):
            writer.add(encode(clip), facts_of(clip))
    assert [dance.name for dance in read_dances([str(tmp_path / "dances")])] == ["wandering-0", "wandering-1"]


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("harm",))


@pytest.mark.parametrize("name", ["a.pkl", "a.npy"])
def test_pickles_are_not_run(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    if name == "a.pkl":
        path.write_bytes(pickle.dumps({"full_pose": Harmful()}))
    else:
        np.save(path, np.array({"pred_position": Harmful()}, dtype=object), allow_pickle=True)
    with pytest.raises(BadInput):
        list(read_dances([str(path)]))
    assert capsys.readouterr().out == ""


def test_bad_files_say_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"full_pose": np.zeros((5, 21, 3))}))
    with pytest.raises(BadInput, match=r"\(5, 21, 3\)"):
        one(path)
    path.write_bytes(pickle.dumps({"full_pose": np.full((5, 24, 3), np.nan)}))
    with pytest.raises(BadInput, match="not finite at frame 0"):
        one(path)
    np.save(tmp_path / "b.npy", np.zeros((5, 139)))
    with pytest.raises(BadInput, match="all zeros"):
        one(tmp_path / "b.npy")


def test_the_open_body_follows_each_kind_of_dance(tmp_path: Path) -> None:
    clip = wandering_clip(40, joints=22)
    root, turns = mesh_pose(Dance("", clip=clip))
    np.testing.assert_allclose(root, clip.root_position[::3])
    np.testing.assert_allclose(np.abs(np.sum(turns * clip.joint_rotation[::3], axis=-1)), 1, atol=1e-5)
    # Files of rotations keep them; files of positions give rotations back.
    _, expected, _ = peers.smpl_dance()
    for path in (peers.write_lodge(tmp_path / "a.npy", 135), peers.write_edge(tmp_path / "a.pkl")):
        root, turns = mesh_pose(one(path))
        agreement = np.abs(np.sum(turns[:, 1:3] * expected[::3, 1:3], axis=-1))
        assert agreement.min() > 0.99 and np.isfinite(root).all()


def test_clips_of_other_skeletons_are_refused(tmp_path: Path) -> None:
    clip = wandering_clip(20, joints=22)
    other = MotionClip("short", clip.skeleton.first(12), 30.0, clip.root_position, clip.joint_rotation[:, :12])
    write_clips([other], str(tmp_path / "s.h5"))
    with pytest.raises(BadInput, match="not SMPL-X's"):
        list(read_dances([str(tmp_path / "s.h5")]))
