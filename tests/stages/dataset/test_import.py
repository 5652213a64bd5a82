"""Published data sets, written here in the layouts that they come in."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.music.sources import file_sha256
from infinitedance_cli.stages.dataset.importing import layout_names
from infinitedance_cli.stages.dataset.layouts.aistpp import tempo_of
from infinitedance_cli.stream.facts import ClipFacts, facts_of
from infinitedance_cli.stream.ports import read_clips, write_clips
from tests.formats.test_duets import write_dd100
from tests.stages.conftest import Ended, Idance
from tests.stages.dataset.sets import clip

ROWS_OF_IDENTITY = [1, 0, 0, 0, 1, 0]


def imported(idance: Idance, *arguments: str | Path, output: Path) -> tuple[Ended, dict[str, MotionClip]]:
    ended = idance("dataset", "import", *arguments, "-o", output)
    return ended, {one.clip_id: one for one in read_clips([str(output)])}


def facts(clips: dict[str, MotionClip], name: str) -> ClipFacts:
    return facts_of(clips[name])


def folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def aist_motion(frames: int = 8) -> dict[str, Any]:
    """As published: SMPL poses at 60 fps, the scaling of the body, the translation at that scale."""
    return {
        "smpl_loss": 1.5,
        "smpl_poses": np.zeros((frames, 72), np.float32),
        "smpl_scaling": np.array([93.0], np.float32),
        "smpl_trans": np.linspace(0, 93.0, frames)[:, None] * np.array([1.0, 0.0, 0.0]),
    }


def test_aistpp(tmp_path: Path, idance: Idance) -> None:
    root = folder(tmp_path / "aist_plusplus_final")
    names = ["gBR_sBM_cAll_d04_mBR0_ch01", "gHO_sFM_cAll_d20_mHO5_ch08", "gLO_sBM_cAll_d13_mLO1_ch02"]
    for name in names:
        (folder(root / "motions") / f"{name}.pkl").write_bytes(pickle.dumps(aist_motion()))
    (folder(root / "splits") / "crossmodal_train.txt").write_text(f"{names[0]}\n")
    (root / "splits" / "crossmodal_test.txt").write_text(f"{names[1]}\n")
    (root / "splits" / "pose_val.txt").write_text(f"{names[0]}\n")
    (root / "ignore_list.txt").write_text(f"{names[2]}\n")
    song = folder(tmp_path / "songs") / "mBR0.wav"
    song.write_bytes(b"a song")
    ended, clips = imported(idance, "aist++", root, "--music", song.parent, output=tmp_path / "out")
    assert ended.code == 0 and "2 recordings, 1 left out by its authors" in ended.lines[0]
    found = facts(clips, names[0])
    assert (found.frames, found.fps, found.genre, found.performer, found.split) == (
        4,
        30,
        "breaking",
        "AIST d04",
        "train",
    )
    assert (found.song, found.source, found.collection) == (file_sha256(song), names[0], "AIST++")
    assert found.licence.startswith("CC BY 4.0") and "AIST Dance Video Database" in found.credit
    music = clips[names[0]].music
    assert music is not None and (music.tempo_bpm, music.path) == (80.0, "mBR0.wav")
    other = facts(clips, names[1])
    assert (other.genre, other.song, other.split) == ("house", "mHO5", "test")
    clip = clips[names[0]]
    walked = clip.root_position[-1] - clip.root_position[0]
    assert 0.6 < np.abs(walked).max() < 1.3, "the translation is scaled to metres"
    _, everything = imported(idance, "aistpp", root, "--all", "--protocol", "pose", output=tmp_path / "all.h5")
    assert [facts(everything, name).split for name in names] == ["val", "", "ignored"]


def test_tempos_of_aist() -> None:
    assert [tempo_of(song) for song in ("mBR0", "mJB5", "mHO0", "mHO5")] == [80.0, 130.0, 110.0, 135.0]


def test_finedance(tmp_path: Path, idance: Idance) -> None:
    root = tmp_path / "finedance"
    for number in ("001", "063", "116"):
        rows = np.tile(np.concatenate([np.zeros(3), np.tile(ROWS_OF_IDENTITY, 52)]), (6, 1))
        np.save(folder(root / "motion") / f"{number}.npy", rows.astype(np.float32))
    label = {"name": "a song", "style1": "Folk", "style2": "Uighur"}
    (folder(root / "label_json") / "001.json").write_text(json.dumps(label))
    (folder(root / "music_wav") / "001.wav").write_bytes(b"a song")
    ended, clips = imported(idance, "finedance", root, output=tmp_path / "out")
    assert ended.code == 0 and sorted(clips) == ["finedance_001", "finedance_063"]
    found = facts(clips, "finedance_001")
    assert (found.frames, found.fps, found.genre, found.split) == (6, 30, "uyghur", "train")
    assert found.song == file_sha256(root / "music_wav" / "001.wav")
    assert (facts(clips, "finedance_063").split, facts(clips, "finedance_063").genre) == ("test", "")
    _, by_dancer = imported(idance, "finedance", root, "--protocol", "dancer", output=tmp_path / "dancer")
    assert facts(by_dancer, "finedance_001").split == "test"


def test_motorica(tmp_path: Path, idance: Idance) -> None:
    root = tmp_path / "motorica"
    names = ["kthstreet_gLH_sFM_cAll_d02_mLH_ch01_lala_001", "kthjazz_gTP_sFM_sngl_d02_015"]
    for name in names:
        write_clips([clip("x", frames=8)], str(folder(root / "bvh") / f"{name}.bvh"))
    (folder(root / "wav") / f"{names[0]}.wav").write_bytes(b"a song")
    ended, clips = imported(idance, "motorica", root, output=tmp_path / "out")
    assert ended.code == 0
    found = facts(clips, names[0])
    assert (found.genre, found.performer, found.split) == ("hip-hop", "Motorica kthstreet d02", "")
    assert found.song == file_sha256(root / "wav" / f"{names[0]}.wav")
    other = facts(clips, names[1])
    assert (other.genre, other.performer, other.song) == ("tap", "Motorica kthjazz d02", "")
    (root / "wav" / f"{names[0]}.wav").unlink()
    _, silent = imported(idance, "motorica", root, output=tmp_path / "silent")
    assert facts(silent, names[0]).song == "lala"


def test_dd100(tmp_path: Path, idance: Idance) -> None:
    root = tmp_path / "duolando"
    motions = folder(root / "data" / "motion" / "smplx" / "all")
    for name in ("Waltz_5_0_00", "Waltz_5_0_01", "Waltz_5_1_01", "Ballet_5_0_00"):
        write_dd100(motions / f"{name}.npy")
    (folder(root / "data" / "music" / "mp3" / "all") / "Waltz_5_0.mp3").write_bytes(b"a song")
    ended, clips = imported(idance, "dd100", root, output=tmp_path / "out")
    assert ended.code == 0 and len(clips) == 4
    follower, leader = facts(clips, "Waltz_5_0_00"), facts(clips, "Waltz_5_0_01")
    assert follower.song == leader.song == file_sha256(root / "data" / "music" / "mp3" / "all" / "Waltz_5_0.mp3")
    assert follower.source == leader.source == facts(clips, "Waltz_5_1_01").source
    assert (follower.genre, follower.split, facts(clips, "Ballet_5_0_00").split) == ("waltz", "test", "train")
    roles = [clips[f"Waltz_5_0_0{n}"].extra["dataset"].attributes["role"] for n in (0, 1)]
    assert roles == ["follow", "lead"]


def test_interdance(tmp_path: Path, idance: Idance) -> None:
    root = folder(tmp_path / "interdance")
    for name in ("rumba12_0", "rumba12_1"):
        motion = {"trans": np.zeros((6, 3)), "pose": np.zeros((6, 165)), "beta": np.zeros(10)}
        (root / f"{name}.pkl").write_bytes(pickle.dumps(motion))
    ended, clips = imported(idance, "interdance", root, output=tmp_path / "out")
    assert ended.code == 0
    assert facts(clips, "rumba12_0").source == facts(clips, "rumba12_1").source == "InterDance rumba12"
    assert clips["rumba12_0"].extra["dataset"].attributes["role"] == "lead"


def test_the_release(tmp_path: Path, idance: Idance) -> None:
    data = tmp_path / "InfiniteDance" / "InfiniteDanceData"
    own = folder(data / "dance" / "infinitedance_smplx_smooth")
    motion = {"body_pose": np.zeros((6, 63)), "global_orient": np.zeros((6, 3)), "transl": np.zeros((6, 3))}
    for name in ("video_7", "video_8"):
        (own / f"{name}.pkl").write_bytes(pickle.dumps(motion))
    features = folder(data / "dance" / "alldata_new_joint_vecs264_ft_balanced")
    for name in ("video_7", "gBR_sBM_cAll_d04_mBR0_ch01"):
        write_clips([clip("x", frames=9)], str(features / f"{name}.264.npy"))
        (features / f"{name}.264.npy").rename(features / f"{name}.npy")
    styles = {"video_7": "Ballet", "video_8": "Latin", "gBR_sBM_cAll_d04_mBR0_ch01": "Popular"}
    (folder(data / "styles") / "all_style_map.json").write_text(json.dumps(styles))
    (folder(data / "partition") / "All_cleandata_train.txt").write_text("video_7\n")
    (data / "partition" / "test_eval861.txt").write_text("video_8\n")
    ended, clips = imported(idance, "infinitedance", data.parent, output=tmp_path / "out")
    assert ended.code == 0
    assert clips["video_7"].frames == 6, "SMPL-X is taken before features"
    found = [facts(clips, name) for name in ("video_7", "video_8")]
    assert [(one.genre, one.split, one.fps) for one in found] == [("ballet", "train", 30), ("latin", "test", 30)]
    assert found[0].licence == "InfiniteDance Non-Commercial Research License"
    taken = facts(clips, "gBR_sBM_cAll_d04_mBR0_ch01")
    assert (taken.genre, taken.performer, taken.song) == ("breaking", "AIST d04", "mBR0")
    assert taken.licence.endswith("from AIST++, whose terms hold too") and taken.frames == 8


def test_a_damaged_recording_is_named_left_out_and_counted(tmp_path: Path, idance: Idance) -> None:
    root = folder(tmp_path / "interdance")
    good = {"trans": np.zeros((6, 3)), "pose": np.zeros((6, 165)), "beta": np.zeros(10)}
    (root / "a_0.pkl").write_bytes(pickle.dumps(good))
    (root / "b_0.pkl").write_bytes(pickle.dumps(good)[:200])
    ended, clips = imported(idance, "interdance", root, output=tmp_path / "out")
    assert ended.code == 5 and list(clips) == ["a_0"]
    assert "1 of 2 recordings could not be read" in ended.lines[-1] and "b_0.pkl" in ended.lines[-1]
    (root / "b_0.pkl").write_bytes(pickle.dumps(good | {"trans": np.ones((6, 3))}))
    again, clips = imported(idance, "interdance", root, output=tmp_path / "out")
    assert again.code == 0 and sorted(clips) == ["a_0", "b_0"]
    assert any("added 1 clips (1 there already)" in line for line in again.lines)


@pytest.mark.parametrize("layout", layout_names())
def test_a_folder_of_something_else_is_told(tmp_path: Path, idance: Idance, layout: str) -> None:
    ended = idance("dataset", "import", layout, tmp_path, "-o", tmp_path / "out")
    assert ended.code == 3 and "expected" in ended.lines[-1]
    assert not (tmp_path / "out").exists()


def test_an_unknown_layout_or_split_is_told(tmp_path: Path, idance: Idance) -> None:
    assert layout_names() == ("aistpp", "dd100", "finedance", "infinitedance", "interdance", "motorica")
    ended = idance("dataset", "import", "aioz", tmp_path, "-o", tmp_path / "out")
    assert ended.code == 2 and "known: aistpp, dd100" in ended.lines[-1]
    ended = idance("dataset", "import", "finedance", tmp_path, "--protocol", "best", "-o", tmp_path / "out")
    assert ended.code == 2 and "FineDance has genre, dancer" in ended.lines[-1]
