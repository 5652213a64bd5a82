from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.music.features import encode_song, load_encoder
from infinitedance_cli.music.song import song_from_audio
from infinitedance_cli.testing import check_music_encoder


def test_it_is_a_music_encoder() -> None:
    check_music_encoder("loudness")


def test_loudness_of_a_sine_is_its_amplitude_over_the_root_of_two() -> None:
    time = np.arange(2 * 22_050) / 22_050
    sine = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    sine[22_050:] = 0
    loudness = encode_song(song_from_audio(sine, 22_050), load_encoder("loudness"))[:, 0]
    assert loudness[2:24] == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
    assert loudness[27:] == pytest.approx(0, abs=0.01)
