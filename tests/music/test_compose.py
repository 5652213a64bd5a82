from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import UsageError
from infinitedance_cli.music.compose import STYLE_NAMES, compose, compose_parts, mix
from infinitedance_cli.music.song import analyse_song
from infinitedance_cli.music.synthesis.arrangement import arrange
from infinitedance_cli.music.synthesis.drums import DRUMS, KITS
from infinitedance_cli.music.synthesis.effects import loudness_lufs
from infinitedance_cli.music.synthesis.grid import grid_along, swung
from infinitedance_cli.music.synthesis.harmony import PROGRESSIONS, Key, lead_voices
from infinitedance_cli.music.synthesis.styles import STYLES
from infinitedance_cli.music.synthesis.tones import VOICES, tone
from tests.music.sounds import matched, sine

RATE = 24_000
SONGS = Path(__file__).parents[2] / "examples" / "songs"


@pytest.mark.parametrize("style", STYLE_NAMES)
def test_every_style_plays_at_its_loudness_without_clipping(style: str) -> None:
    sound, rhythm = compose(style, duration=8.0, seed=5, whole=False)
    assert len(sound) == 8 * RATE and np.isfinite(sound).all()
    assert np.abs(sound).max() <= 0.89 + 1e-6
    assert loudness_lufs(sound, RATE) == pytest.approx(-14.0, abs=0.6)
    assert rhythm.meter == STYLES[style].meter


def test_everything_that_styles_name_exists() -> None:
    for style in STYLES.values():
        assert set(style.kits) <= set(KITS)
        assert {*style.bass, *style.chords, *style.lead, *style.arpeggio} <= set(VOICES)
        assert {drum for groove in style.grooves for drum in groove} <= set(DRUMS)
        assert set(style.progressions) <= set(PROGRESSIONS)
        for pattern in (*style.bass_lines, *style.comping, *(p for groove in style.grooves for p in groove.values())):
            assert len(pattern) == 4 * style.meter


def test_bars_and_tempo_give_the_beats() -> None:
    sound, rhythm = compose("house", 120.0, bars=4, seed=1)
    assert rhythm.beats == pytest.approx(np.arange(17) * 0.5)  # sixteen beats and the last stroke
    assert rhythm.downbeats == pytest.approx([0, 2, 4, 6, 8])
    assert len(sound) == 10 * RATE == rhythm.duration_s * RATE


def test_same_seed_same_samples_other_seed_another_song() -> None:
    first, again, other = (compose("pop", 110.0, bars=2, seed=seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_drums_strike_on_the_given_beats() -> None:
    beats = np.array([0.3, 0.8, 1.4, 1.9, 2.35, 2.9, 3.5, 4.05, 4.5])
    song = compose_parts("house", duration=5.0, seed=2, beat_times=beats, whole=False)
    assert song.rhythm.beats[:9] == pytest.approx(beats)
    assert song.rhythm.downbeats[:2] == pytest.approx([0.3, 2.35])
    drums = np.abs(song.parts["drums"])
    # A kick or a snare starts on each beat: far louder just after it than just before.
    for beat in beats:
        at = round(beat * RATE)
        assert drums[at : at + 1200].max() > 3 * drums[at - 600 : at - 200].max()


def test_beats_before_the_first_and_after_the_last_go_on() -> None:
    grid = grid_along(np.array([1.0, 1.5, 2.0]), 4.0, 4, 0)
    assert grid.times == pytest.approx(np.arange(0, 4, 0.5))
    assert grid.downbeats == pytest.approx([1.0, 3.0])
    assert grid.first == -2
    assert grid.seconds(np.array([-2, 0.5, 7])) == pytest.approx([0.0, 1.25, 4.5])


def test_first_downbeat_names_a_beat() -> None:
    assert grid_along(np.arange(0, 4, 0.5), 4.0, 4, 2).downbeats == pytest.approx([1.0, 3.0])


def test_beat_times_must_increase() -> None:
    with pytest.raises(ValueError, match="increasing"):
        grid_along(np.array([1.0, 1.0]), 3.0, 4, 0)


def test_unknown_style_lists_the_known() -> None:
    with pytest.raises(UsageError, match="house"):
        compose("polka")


def test_meter_can_be_asked_for() -> None:
    _, rhythm = compose("rock", 120.0, bars=2, seed=0, meter=3)
    assert rhythm.downbeats == pytest.approx([0, 1.5, 3.0])


@pytest.mark.parametrize("bars", [1, 2, 5, 8, 12, 13, 24, 40])
@pytest.mark.parametrize("whole", [True, False])
def test_sections_fill_the_song_without_gaps(bars: int, whole: bool) -> None:
    for seed in range(6):
        sections = arrange(bars, whole, np.random.default_rng(seed))
        assert sections[0].first_bar == 0
        assert sum(section.bars for section in sections) == bars
        assert all(a.first_bar + a.bars == b.first_bar for a, b in zip(sections, sections[1:], strict=False))
        assert all(section.bars > 0 for section in sections)


def test_chorus_is_louder_than_intro() -> None:
    song = compose_parts("disco", 120.0, bars=16, seed=3)
    sound = mix(song)[0]
    level = {
        part.name: float(np.std(sound[int(part.first_bar * 2 * RATE) : int((part.first_bar + part.bars) * 2 * RATE)]))
        for part in song.sections
    }
    assert level["chorus"] > 1.15 * level["intro"]


def test_stereo_is_wider_and_folds_to_about_the_mono_mix() -> None:
    song = compose_parts("pop", 110.0, bars=2, seed=0)
    stereo = mix(song, stereo=True)
    assert stereo.shape[0] == 2 and np.abs(stereo[0] - stereo[1]).max() > 0.01
    assert np.corrcoef(stereo.mean(axis=0), mix(song)[0])[0, 1] > 0.9


def test_swing_moves_off_beats_only() -> None:
    beats = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    assert swung(beats, 0.5, 0.5) == pytest.approx(beats)
    assert swung(beats, 2 / 3, 0.5) == pytest.approx([0, 1 / 3, 2 / 3, 5 / 6, 1])
    assert swung(beats, 0.5, 0.6) == pytest.approx([0, 0.3, 0.5, 0.8, 1])


def test_chords_of_a_minor() -> None:
    key = Key(9, minor=True)
    assert key.chord(0, sevenths=False) == (9, 0, 4)
    assert key.chord(4, sevenths=False) == (4, 8, 11)  # E major: the leading tone
    assert key.chord(3, sevenths=True) == (2, 5, 9, 0)
    assert key.pitch(7) == key.pitch(0) + 12


def test_voices_move_little() -> None:
    first = lead_voices((0, 4, 7), (), 60)
    second = lead_voices((5, 9, 0), first, 60)
    assert {pitch % 12 for pitch in second} == {5, 9, 0}
    assert abs(np.mean(first) - np.mean(second)) <= 3


@pytest.mark.parametrize("name", ["piano", "sub", "organ", "e-piano", "flute"])
def test_a_voice_sounds_at_its_pitch(name: str) -> None:
    sound = tone(VOICES[name], 69, 1.0, 0.8, RATE, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(sound[:RATE] * np.hanning(RATE)))
    assert abs(int(spectrum[300:600].argmax()) + 300 - 440) <= 2


def test_loudness_of_the_reference_tone() -> None:
    # BS.1770: a 997 Hz sine at 0 dB in one channel of a stereo pair reads -3.01 LUFS.
    tone_at_997 = 2 * sine(997.0, 48_000 * 3, 48_000)
    assert loudness_lufs(np.stack([tone_at_997, np.zeros_like(tone_at_997)]), 48_000) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("record", json.loads((SONGS / "songs.json").read_text()), ids=lambda record: record["file"])
def test_example_songs_are_as_their_list_says(record: dict[str, object]) -> None:
    song = analyse_song(SONGS / str(record["file"]))
    assert song.duration_s == pytest.approx(record["duration_s"], abs=0.001)
    assert matched(np.array(record["beats"]), song.rhythm.beats) >= 0.95
    assert song.rhythm.tempo_bpm == pytest.approx(record["bpm"], rel=0.01)
    assert song.rhythm.meter == record["meter"]
    assert (SONGS / str(record["file"])).stat().st_size < 400_000
