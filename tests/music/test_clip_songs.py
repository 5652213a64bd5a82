"""Clips hear their songs from the moment on at which they begin."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip, MusicTrack
from infinitedance_cli.motion.songs import named_like, song_start
from infinitedance_cli.music.clip_songs import Songs
from infinitedance_cli.music.features import encode_song, load_encoder
from infinitedance_cli.music.song import analyse_song
from infinitedance_cli.music.sources import file_sha256
from tests.motion.samples import standing_clip
from tests.music.sounds import clicks, write_audio

BPM, RATE = 120, 24_000


def write_song(path: Path, seconds: float = 12.0, bpm: float = BPM) -> Path:
    return write_audio(path, clicks(np.arange(0.5, seconds - 0.2, 60 / bpm), seconds, RATE)[None], RATE, "pcm_s16le")


@pytest.fixture
def song(tmp_path: Path) -> Path:
    (tmp_path / "songs").mkdir()
    return write_song(tmp_path / "songs" / "mBR0.wav")


def danced(frames: int = 121, path: Path | str = "", **provenance: object) -> MotionClip:
    """A clip of four seconds that says what it was danced to."""
    clip = replace(standing_clip(frames), clip_id="gBR_d04_mBR0_ch01")
    if path:
        clip = replace(clip, music=MusicTrack(path=str(path)))
    return clip.with_provenance("capture", **provenance) if provenance else clip


def told(clip: MotionClip, *places: Path) -> MusicTrack:
    music = Songs(places, load_encoder()).told(clip).music
    assert music is not None
    return music


@pytest.mark.parametrize("start", [0.0, 4.0, 3.98])
def test_beats_and_features_are_those_of_the_song_from_the_clips_start_on(song: Path, start: float) -> None:
    heard = told(danced(path=song, music_start_s=start))
    whole = analyse_song(str(song))
    beats = whole.rhythm.beats - start
    np.testing.assert_allclose(heard.beats, beats[(beats >= 0) & (beats < danced().duration_s)])
    assert heard.tempo_bpm == pytest.approx(BPM, rel=0.02) and heard.sha256 == file_sha256(str(song))
    rows = encode_song(whole, load_encoder())
    assert heard.features is not None
    rate = heard.rate_hz
    assert len(heard.features) == np.ceil(danced().duration_s * rate - 1e-6)
    place = np.arange(len(heard.features)) + start * rate
    wanted = np.stack([np.interp(place, np.arange(len(rows)), column) for column in rows.T], axis=1)
    np.testing.assert_allclose(heard.features, wanted, atol=2e-3)


def test_a_folder_goes_before_the_path_that_a_clip_names(song: Path, tmp_path: Path) -> None:
    other = write_song(tmp_path / "other.wav", bpm=90)
    assert told(danced(path=other)).tempo_bpm == pytest.approx(90, rel=0.02)
    assert told(danced(path=other), tmp_path / "songs").tempo_bpm == pytest.approx(BPM, rel=0.02)
    assert told(danced(path="somewhere/mBR0.mp3"), tmp_path / "songs").path == str(song)
    assert told(danced(), tmp_path / "songs").path == str(song)
    assert told(danced(path=song), other).path == str(other)


def test_another_song_is_danced_to_from_its_beginning(song: Path, tmp_path: Path) -> None:
    other = write_song(tmp_path / "other.wav")
    clip = danced(path=song, music_start_s=4.25)
    changed = Songs([other], load_encoder()).told(clip)
    assert song_start(clip) == 4.25 and song_start(changed) == 0
    assert song_start(Songs([], load_encoder()).told(clip)) == 4.25
    assert song_start(Songs([], load_encoder()).told(changed)) == 0


def test_a_moved_song_is_known_by_its_content(song: Path, tmp_path: Path) -> None:
    clip = danced(path=song, music_start_s=2.0)
    assert clip.music is not None
    clip = replace(clip, music=replace(clip.music, sha256=file_sha256(str(song))))
    moved = tmp_path / "renamed.wav"
    os.replace(song, moved)
    assert song_start(Songs([moved], load_encoder()).told(clip)) == 2.0


def test_songs_that_do_not_fit_are_refused(song: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gBR_d04_mBR0_ch01: its song .*mBR0.wav ends 2\.0 s before it"):
        told(danced(frames=421), song)
    assert told(danced(frames=380), song).features is not None  # half a second longer
    with pytest.raises(BadInput, match="it names no song; name the folder of its song with --songs"):
        told(danced())
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadInput, match="its song nowhere.wav is not there, and none in .*empty has its name"):
        told(danced(path="nowhere.wav"), empty)


def test_the_longest_name_that_stands_in_a_dances_as_a_word() -> None:
    assert named_like(["d04", "mBR0", "BR0"], "gBR_d04_mBR0_ch01") == "mBR0"
    assert named_like(["mBR"], "gBR-d04-mBR0-ch01") is None
    assert named_like(["b", "a-b"], "a-b") == "a-b"
