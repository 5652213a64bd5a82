"""The release's 55 features on sounds whose features are known."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.music.released import BEAT_COLUMN, SAMPLE_RATE, release_features


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """Ten seconds of an A with a click every half second."""
    time = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    sound = 0.2 * np.sin(2 * np.pi * 440 * time)
    noise = np.random.default_rng(0).normal(size=400)
    for click in range(1, 20):
        first = click * SAMPLE_RATE // 2
        sound[first : first + 400] += noise
    return release_features(sound)


def test_thirty_rows_a_second_of_55_values(features: np.ndarray) -> None:
    assert features.shape == (1 + 10 * SAMPLE_RATE // 512, 55)
    assert SAMPLE_RATE / 512 == 30


def test_beats_are_ones_half_a_second_apart(features: np.ndarray) -> None:
    beats = np.flatnonzero(features[:, BEAT_COLUMN])
    assert set(features[:, BEAT_COLUMN]) == {0, 1}
    assert np.median(np.diff(beats)) == 15
    offsets = np.abs(beats[:, None] - np.arange(15, 300, 15)).min(1)
    assert offsets.max() <= 2


def test_harmony_is_that_of_the_tone(features: np.ndarray) -> None:
    assert set(features[30:270, 40:52].argmax(1)) == {9}  # A, with C first


def test_tempogram_column_is_constantly_one(features: np.ndarray) -> None:
    assert np.allclose(features[:, 54], 1, atol=1e-5)


def test_slopes_are_differences_of_the_cepstrum(features: np.ndarray) -> None:
    slope = (features[2:, :20] - features[:-2, :20]) / 2
    assert np.allclose(features[1:-1, 20:40], slope, atol=1e-3)


def test_without_librosa_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(MissingResource, match=r"pip install 'infinitedance-cli\[infinitedance\]'"):
        release_features(np.zeros(1000))
