from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.music.spectrum import SAMPLE_RATE, analyse_spectrum, array_blocks, band_centres_hz
from tests.music.sounds import clicks, sine


@pytest.mark.parametrize("size", [1, 960, 961, 25_000, 96_000, 150_001])
def test_frames_cover_the_sound(size: int) -> None:
    spectrum = analyse_spectrum([np.zeros(size, np.float32)])
    assert spectrum.frames == -(-size * 25 // SAMPLE_RATE)
    assert len(spectrum.mel_db) == 4 * spectrum.frames


def test_how_the_sound_is_cut_changes_nothing() -> None:
    sound = np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    one, many = analyse_spectrum([sound]), analyse_spectrum(array_blocks(sound, 977))
    assert np.array_equal(one.mel_db, many.mel_db)
    assert np.array_equal(one.chroma, many.chroma)
    assert one.samples == many.samples == 200_000


def test_no_samples_give_no_frames() -> None:
    spectrum = analyse_spectrum([])
    assert (spectrum.frames, spectrum.duration_s) == (0, 0.0)


def test_a_full_scale_sine_reads_its_power_in_its_band() -> None:
    centre = float(band_centres_hz()[20])
    spectrum = analyse_spectrum([2 * sine(centre, SAMPLE_RATE, SAMPLE_RATE)])
    frame = spectrum.mel_db[50].astype(float)
    assert frame.argmax() == 20
    assert frame[20] == pytest.approx(10 * np.log10(1.5), abs=0.5)  # a Hann window spreads it over three bins
    assert frame[30] < -50


def test_pitch_class_of_a_note() -> None:
    for hertz, pitch_class in ((440.0, 9), (261.63, 0), (739.99, 6)):
        spectrum = analyse_spectrum([sine(hertz, SAMPLE_RATE, SAMPLE_RATE)])
        assert spectrum.chroma[12].argmax() == pitch_class


def test_frames_are_centred_on_their_time() -> None:
    spectrum = analyse_spectrum([clicks(np.array([0.5]), 1.0)])
    loudness = spectrum.mel_db.astype(float).max(axis=1)
    assert abs(int(loudness.argmax()) - 51) <= 1  # the ping is loudest just after second 0.5
