"""`idance dataset music`, from the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MusicTrack
from infinitedance_cli.stream.ports import read_clips, write_clips
from tests.conftest import RunIdance
from tests.motion.samples import standing_clip
from tests.music.sounds import clicks, write_audio


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    for name, bpm in (("slow", 90), ("fast", 130)):
        write_audio(folder / f"{name}.wav", clicks(np.arange(0.5, 11, 60 / bpm), 12.0)[None], 24_000, "pcm_s16le")
    return folder


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    made = [replace(standing_clip(121), clip_id=name) for name in ("a_slow_1", "b_fast_1", "c_fast_2", "d_lost_1")]
    made[3] = replace(made[3], music=MusicTrack(path="lost.wav"))
    path = tmp_path / "clips.h5"
    write_clips(made, str(path))
    return path


def test_clips_of_a_folder_of_songs(tmp_path: Path, songs: Path, clips: Path, run_idance: RunIdance) -> None:
    result = run_idance("dataset", "music", clips, "--songs", songs, "-o", tmp_path / "out.h5", "--jobs", "2")
    assert result.returncode == 5
    assert b"clip d_lost_1: its song lost.wav is not there, and none in" in result.stderr
    found = {clip.clip_id: clip.music for clip in read_clips([str(tmp_path / "out.h5")])}
    tempi = {name: music.tempo_bpm for name, music in found.items() if music is not None}
    assert tempi == {name: pytest.approx(90 if "slow" in name else 130, rel=0.02) for name in found}
    assert list(found) == ["a_slow_1", "b_fast_1", "c_fast_2"]
    assert all(music is not None and music.features is not None for music in found.values())


def test_songs_that_are_not_there(tmp_path: Path, clips: Path, run_idance: RunIdance) -> None:
    result = run_idance("dataset", "music", clips, "--songs", tmp_path / "nowhere", "-o", tmp_path / "out.h5")
    assert result.returncode == 3 and b"nowhere: no such file or folder" in result.stderr
    result = run_idance("dataset", "music", clips, "--encoder", "ears", "-o", tmp_path / "out.h5")
    assert result.returncode == 2 and b"ears" in result.stderr and not (tmp_path / "out.h5").exists()
