from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.music.beats import analyse_rhythm
from infinitedance_cli.music.compose import compose
from infinitedance_cli.music.rhythm import Rhythm
from infinitedance_cli.music.spectrum import analyse_spectrum
from tests.music.sounds import clicks, matched, sine

RATE = 24_000


def _rhythm(sound: np.ndarray) -> Rhythm:
    return analyse_rhythm(analyse_spectrum([sound.astype(np.float32)]))


@pytest.mark.parametrize("bpm", [75.0, 96.0, 120.0, 133.7, 150.0])
def test_clicks_are_beats(bpm: float) -> None:
    times = np.arange(0.25, 19.5, 60 / bpm)
    rhythm = _rhythm(clicks(times, 20.0))
    assert rhythm.tempo_bpm == pytest.approx(bpm, abs=0.3)
    assert matched(times, rhythm.beats, 0.010) == 1.0
    assert rhythm.confidence == 1.0


def test_clicks_at_120_lie_on_half_seconds() -> None:
    rhythm = _rhythm(clicks(np.arange(0, 10, 0.5), 10.0))
    assert len(rhythm.beats) == 20
    assert np.abs(rhythm.beats - np.arange(0, 10, 0.5)).max() < 0.010


@pytest.mark.parametrize(("bpm", "danced"), [(60.0, 120.0), (172.0, 86.0)])
def test_tempo_is_one_to_dance_to(bpm: float, danced: float) -> None:
    assert _rhythm(clicks(np.arange(0, 30, 60 / bpm), 30.0)).tempo_bpm == pytest.approx(danced, rel=0.02)


def test_tempo_that_changes_is_followed() -> None:
    times = [0.0]
    while times[-1] < 40:
        times.append(times[-1] + 0.5 + 0.08 * np.sin(times[-1] / 5))  # 103 to 143 BPM
    beats = np.array(times[:-1])
    rhythm = _rhythm(clicks(beats, 41.0))
    assert matched(beats, rhythm.beats, 0.020) > 0.98


@pytest.mark.parametrize(
    ("style", "bpm", "seed"),
    [("house", 124.0, 2), ("hiphop", 92.0, 1), ("pop", 112.0, 3), ("rock", 132.0, 0), ("waltz", 108.0, 1)],
)
def test_beats_of_composed_songs(style: str, bpm: float, seed: int) -> None:
    sound, known = compose(style, bpm, bars=12, seed=seed)
    found = _rhythm(sound)
    assert matched(known.beats, found.beats) >= 0.95
    gaps = found.beats[:, None] - known.beats[None]
    nearest = gaps[np.arange(len(gaps)), np.abs(gaps).argmin(axis=1)]
    assert abs(np.median(nearest)) <= 0.010
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.01)
    assert found.meter == known.meter
    assert matched(known.downbeats, found.downbeats) >= 0.9


def _noise(seconds: float) -> np.ndarray:
    return 0.1 * np.random.default_rng(1).standard_normal(round(seconds * RATE))


def _drone(seconds: float) -> np.ndarray:
    return np.sum([sine(hertz, round(seconds * RATE), RATE) / 4 for hertz in (110.0, 165.0, 220.0)], axis=0)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(RATE),
        np.zeros(1),
        np.zeros(20 * RATE),
        _noise(5.0),
        _noise(20.0),
        _drone(5.0),
        _drone(20.0),
        clicks(np.array([3.0]), 10.0),
        clicks(np.array([0.4]), 1.0),
    ],
    ids=["1 s silence", "a sample", "silence", "5 s noise", "noise", "5 s drone", "drone", "one click", "short click"],
)
def test_sound_without_a_beat_has_none(sound: np.ndarray) -> None:
    rhythm = _rhythm(sound)
    assert len(rhythm.beats) == len(rhythm.downbeats) == 0
    assert (rhythm.tempo_bpm, rhythm.confidence) == (0.0, 0.0)
    assert rhythm.duration_s == len(sound) / RATE


def test_five_seconds_are_enough() -> None:
    times = np.arange(0.2, 5, 0.5)
    assert matched(times, _rhythm(clicks(times, 5.0)).beats, 0.010) == 1.0


def test_silence_before_and_after_has_no_beats() -> None:
    times = np.arange(4.0, 14.0, 0.5)
    rhythm = _rhythm(clicks(times, 20.0))
    assert abs(rhythm.beats[0] - 4.0) < 0.010
    assert abs(rhythm.beats[-1] - 13.5) < 0.010


def test_louder_or_softer_is_the_same_rhythm() -> None:
    sound, _ = compose("pop", 100.0, bars=6, seed=1)
    assert np.allclose(_rhythm(sound).beats, _rhythm(sound * 0.05).beats, atol=0.005)
