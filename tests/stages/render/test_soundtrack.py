from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion.clip import MusicTrack
from infinitedance_cli.motion.songs import song_start
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.soundtrack import (
    SAMPLE_RATE,
    Soundtrack,
    check_music_option,
    find_soundtrack,
    with_beats,
)
from tests.stages.render.scenes import standing_clip, with_song, write_clicks


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_clicks(tmp_path / "song.wav", (1.0, 2.5))


def sound_of(track: Soundtrack, seconds: float) -> NDArray[np.float32]:
    return np.concatenate([frame.to_ndarray() for frame in track.frames(seconds)], axis=1)


def first_click(sound: NDArray[np.float32]) -> float:
    return float(np.argmax(np.abs(sound[0]) > 0.3)) / SAMPLE_RATE


def test_it_begins_where_the_dance_begins_and_is_as_long(song: Path) -> None:
    sound = sound_of(Soundtrack(song, 0.75), 2.0)
    assert sound.shape == (2, 2 * SAMPLE_RATE)
    assert first_click(sound) == pytest.approx(0.25, abs=0.0005)
    assert first_click(sound[:, SAMPLE_RATE:]) == pytest.approx(0.75, abs=0.0005)
    assert np.abs(sound[1]).max() == 0  # the right channel stays the right channel


def test_a_song_that_is_over_sooner_just_ends(song: Path) -> None:
    assert sound_of(Soundtrack(song, 3.0), 10.0).shape[1] == pytest.approx(SAMPLE_RATE, abs=2)


def test_the_start_is_what_the_generator_noted(song: Path) -> None:
    clip = with_song(standing_clip(), song, start=1.5)
    assert song_start(clip) == 1.5
    assert song_start(clip.with_provenance("convert", config={"fps": 60})) == 1.5
    assert song_start(standing_clip()) == 0
    assert find_soundtrack(clip, RenderConfig()) == Soundtrack(song, 1.5)
    assert find_soundtrack(clip, RenderConfig(music_start=0.5)) == Soundtrack(song, 0.5)


def test_a_capture_begins_where_its_video_did_even_before_the_sound(song: Path) -> None:
    clip = with_song(standing_clip(), song).with_provenance("capture", music_start_s=-0.5)
    track = find_soundtrack(clip, RenderConfig())
    assert track == Soundtrack(song, -0.5)
    sound = sound_of(track, 2.0)
    assert sound.shape == (2, 2 * SAMPLE_RATE)
    assert first_click(sound) == pytest.approx(1.5, abs=0.0005)


def test_another_song_starts_at_its_beginning(song: Path, tmp_path: Path) -> None:
    other = write_clicks(tmp_path / "other.wav", (0.5,))
    clip = with_song(standing_clip(), song, start=1.5)
    assert find_soundtrack(clip, RenderConfig(music=str(other))) == Soundtrack(other, 0.0)


def test_the_same_song_elsewhere_starts_where_the_dance_does(song: Path, tmp_path: Path) -> None:
    from infinitedance_cli.music.sources import file_sha256

    copy = tmp_path / "copy.wav"
    copy.write_bytes(song.read_bytes())
    clip = with_song(standing_clip(), "gone.wav", start=1.5)
    clip = replace(clip, music=MusicTrack(path="gone.wav", sha256=file_sha256(song)))
    assert find_soundtrack(clip, RenderConfig(music=str(copy))) == Soundtrack(copy, 1.5)


def test_a_song_is_looked_for_beside_the_clip(song: Path) -> None:
    clip = with_song(standing_clip(), "/somewhere/else/song.wav")
    assert find_soundtrack(clip, RenderConfig(), [song.parent]) == Soundtrack(song, 0.0)


def test_without_a_song_it_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert find_soundtrack(standing_clip(), RenderConfig()) is None
    assert find_soundtrack(with_song(standing_clip(), "gone.wav"), RenderConfig()) is None
    assert [record.message for record in caplog.records] == [
        "standing: the clip names no song, so the video is silent; --music FILE adds one",
        "standing: its song gone.wav is not there, so the video is silent; --music FILE names it",
    ]
    assert find_soundtrack(with_song(standing_clip(), "gone.wav"), RenderConfig(music="none")) is None
    assert len(caplog.records) == 2


def test_a_changed_song_is_used_with_a_warning(song: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = replace(standing_clip(), music=MusicTrack(path=str(song), sha256="ab" * 32))
    assert find_soundtrack(clip, RenderConfig()) == Soundtrack(song, 0.0)
    assert "has changed since" in caplog.text


def test_what_cannot_be_played_is_refused(song: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("no sound")
    for config, message in (
        (RenderConfig(music="gone.wav"), "no such file"),
        (RenderConfig(music=str(text)), "not a sound or video file"),
        (RenderConfig(music=str(song), music_start=60.0), "no sound from 60 s on"),
    ):
        with pytest.raises(BadInput, match=message):
            find_soundtrack(standing_clip(), config)
    with pytest.raises(UsageError, match="leave one out"):
        check_music_option(RenderConfig(music="none", music_start=1.0))


def test_beats_are_those_of_the_song_that_is_heard(tmp_path: Path) -> None:
    song = write_clicks(tmp_path / "song.wav", tuple(0.25 + 0.5 * click for click in range(24)), 12.0)
    knowing = with_song(standing_clip(300), song, beats=(0.1, 0.7))
    assert with_beats(knowing, Soundtrack(song, 0.0)) is knowing
    assert with_beats(knowing, None) is knowing
    for clip in (standing_clip(300), with_song(standing_clip(300), "other.wav", beats=(0.1, 0.7))):
        heard = with_beats(clip, Soundtrack(song, 1.0)).music
        assert heard is not None and heard.tempo_bpm == pytest.approx(120, abs=2)
        # From second 1 on it clicks at 0.25, 0.75 …; ten seconds of it are danced.
        assert np.abs((heard.beats - 0.25) / 0.5 - np.rint((heard.beats - 0.25) / 0.5)).max() < 0.12
        assert 9 < heard.beats[-1] < 10.05
