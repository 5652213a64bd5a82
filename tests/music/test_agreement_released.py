"""The release's 55 audio features, and the samples that they are made of, against plain calls of librosa."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.fft import dct

from infinitedance_cli.music.released import SAMPLE_RATE, release_features, released_samples
from infinitedance_cli.music.song import analyse_song

librosa = pytest.importorskip("librosa")
soundfile = pytest.importorskip("soundfile")

# librosa.load asks audioread, which imports modules that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated and slated for removal:DeprecationWarning")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds in stereo at 44,100 Hz: chords that change, and clicks every half second on one side."""
    time, random = np.arange(6 * 44_100) / 44_100, np.random.default_rng(0)
    notes = 220 * 2 ** (np.array([0, 3, 7, 5])[np.minimum(time // 1.5, 3).astype(int)] / 12)
    sound = np.stack([0.2 * np.sin(2 * np.pi * np.cumsum(notes) / 44_100)] * 2, 1)
    for click in range(1, 12):
        sound[click * 22_050 : click * 22_050 + 900, 0] += 0.3 * random.normal(size=900)
    path: Path = tmp_path_factory.mktemp("sound") / "song.wav"
    soundfile.write(path, sound, 44_100, subtype="FLOAT")
    return path


@pytest.mark.parametrize("rate", [15_360, 24_000])
def test_samples_are_those_that_librosa_loads(recording: Path, rate: int) -> None:
    expected, _ = librosa.load(recording, sr=rate)
    found = released_samples(analyse_song(str(recording)), rate)
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() < 1e-4


def test_features_are_the_plain_ones(recording: Path) -> None:
    sound, _ = librosa.load(recording, sr=15_360)
    expected = _plain(sound)
    found = release_features(sound)
    assert found.shape == expected.shape == (1 + len(sound) // 512, 55)
    assert np.array_equal(found[:, 53], expected[:, 53]) and expected[:, 53].sum() > 5
    # Cepstra of decibels reach hundreds in single precision.
    assert np.abs(found - expected).max() < 1e-4 * max(1, np.abs(expected).max())
    assert np.abs(found[:, 40:] - expected[:, 40:]).max() < 1e-4
    assert SAMPLE_RATE == 15_360


def _plain(sound: np.ndarray) -> np.ndarray:
    power = np.abs(librosa.stft(sound)) ** 2  # frames of 2048 every 512 samples are its defaults
    mel = librosa.filters.mel(sr=15_360, n_fft=2048) @ power
    decibels = 10 * np.log10(np.maximum(mel, 1e-10) / max(mel.max(), 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80)
    cepstrum = dct(decibels, axis=0, type=2, norm="ortho")[:20]
    slope = np.zeros_like(cepstrum)  # of the line through three neighbours; at the ends the line is prolonged
    slope[:, 1:-1] = (cepstrum[:, 2:] - cepstrum[:, :-2]) / 2
    slope[:, 0], slope[:, -1] = slope[:, 1], slope[:, -2]
    harmonic, percussive = librosa.effects.hpss(sound)
    chroma = librosa.feature.chroma_cqt(y=harmonic, sr=15_360, n_octaves=5)
    onset = librosa.onset.onset_strength(y=percussive, sr=15_360, aggregate=np.median)
    beats = np.zeros(len(onset))
    beats[librosa.beat.beat_track(onset_envelope=onset, sr=15_360)[1]] = 1
    return np.concatenate([cepstrum, slope, chroma, onset[None], beats[None], np.ones((1, len(onset)))]).T
