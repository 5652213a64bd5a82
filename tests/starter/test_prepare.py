"""Labels, splits and beats of the training clips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._bvh_text import parse
from infinitedance_cli.motion.genres import GENRES
from infinitedance_cli.motion.retarget import retarget
from infinitedance_cli.starter.prepare import beat_times, by_rig, prepare, trim_t_pose
from infinitedance_cli.starter.sources import _G1_GENRES, AISTPP_GENRES, OTHER, describe
from tests.motion.retarget import rigs


def test_beats_of_a_segment_are_read_from_the_music() -> None:
    # 80 BPM: a beat every 0.75 s; the second segment spans 2 s to 4 s of the music: beats at 2.25, 3, 3.75.
    np.testing.assert_allclose(beat_times(80.0, 2.0, 2.0), [0.25, 1.0, 1.75])
    np.testing.assert_allclose(beat_times(120.0, 2.0, 2.0), [0.0, 0.5, 1.0, 1.5])
    np.testing.assert_allclose(beat_times(120.0, 0.0, 1.0), [0.0, 0.5])


def test_genres_are_canonical_names() -> None:
    assert set(_G1_GENRES.values()) | set(AISTPP_GENRES.values()) <= set(GENRES)
    assert describe("cmu_mocap", "005_07").genre in GENRES


@pytest.mark.parametrize(
    ("folder", "stem", "genre", "held_out"),
    [
        ("g1_moves", "dance__J_Dance2_Salsa", "salsa", False),
        ("g1_moves", "dance__J_ShortDance14_Disco", "disco", True),
        ("g1_moves", "karate__M_Move1", OTHER, False),
        ("cmu_mocap", "005_01", OTHER, False),
        ("cmu_mocap", "005_13", "ballet", True),
        ("cmu_mocap", "85_12", "breaking", False),
        ("cmu_mocap", "135_01", OTHER, False),
        ("cmu_mocap", "55_01_cmu", "modern", False),
        ("perfume", "B_test", "j-pop", False),
        ("aistpp", "gKR_sBM_c01_d30_mKR2_ch02__3", "krump", True),
        ("aistpp", "gKR_sBM_c01_d28_mKR2_ch02__3", "krump", False),
        ("animated_drawings", "zombie", OTHER, False),
    ],
)
def test_recordings_by_name(folder: str, stem: str, genre: str, held_out: bool) -> None:
    recording = describe(folder, stem)
    assert (recording.genre, recording.held_out) == (genre, held_out)


def test_files_with_another_rest_pose_are_another_rig() -> None:
    one, two = rigs.source(rigs.still()), rigs.source(rigs.dance())
    three = rigs.source(rigs.still(), rigs.Rig(scale=1.1))
    assert [len(group) for group in by_rig([one, two, three])] == [2, 1]


def test_t_pose_at_the_start_is_cut_off() -> None:
    frames = rigs.still(20) + rigs.dance(90)
    clip = retarget(rigs.source(frames))
    assert trim_t_pose(clip).frames == pytest.approx(110 - 20 - 15, abs=3)
    dance = retarget(rigs.source(rigs.dance(90)))
    assert trim_t_pose(dance).frames == dance.frames


def test_clips_are_written_with_what_is_known(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "perfume"
    folder.mkdir(parents=True)
    text = rigs.bvh_text(rigs.dance())
    assert parse(text).frame_time == pytest.approx(1 / 30, abs=1e-6)
    (folder / "A_test.bvh").write_text(text)
    index = prepare(tmp_path / "data", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "index.json").read_text()) == index
    with np.load(tmp_path / "out" / "A_test.npz") as data:
        assert data["root_position"].shape == (90, 3)
        assert data["joint_rotation"].shape == (90, 55, 4)
        assert str(data["genre"]) == "j-pop"
        assert str(data["licence"]) == "MIT"
        assert str(data["split"]) == "train"


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no recording"):
        prepare(tmp_path, tmp_path / "out")
