"""How strongly something starts at each moment: half-wave rectified change of the log-mel bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infinitedance_cli.music.spectrum import FLOOR_DB, FRAME_RATE, Spectrum, band_centres_hz

LOW_HZ, HIGH_HZ = 170.0, 1800.0
"""Kick and bass lie below LOW_HZ, hats and the snap of a snare above HIGH_HZ."""

_LAG = 2  # frames over which the change is taken: 20 ms
_RANGE_DB = 45.0  # how far below the loudest moments of the song a sound still counts
_CHUNK = 6000


@dataclass(frozen=True)
class Onsets:
    """Onset strength at 100 Hz.

    Attributes:
        bands: (T, 3) float32, low, mid and high band, each over its own spread in this song.
        strength: (T,) float32, all together, its local mean removed and its local spread evened out.
        loudness_db: (T,) float32, power over all bands, dB re full scale.
        reference_db: level of the loud moments of the song, dB re full scale.
    """

    bands: np.ndarray
    strength: np.ndarray
    loudness_db: np.ndarray
    reference_db: float


def onset_strength(spectrum: Spectrum) -> Onsets:
    """Onsets of a song; silence gives zeros everywhere."""
    mel = spectrum.mel_db
    if not len(mel):
        empty = np.zeros(0, np.float32)
        return Onsets(np.zeros((0, 3), np.float32), empty, empty, -100.0)
    reference = float(np.percentile(mel.max(axis=1).astype(np.float32), 95))
    bands = np.zeros((len(mel), 3), np.float32)
    loudness = np.zeros(len(mel), np.float32)
    for start in range(0, len(mel), _CHUNK):
        before = mel[start - _LAG : start] if start else np.full((_LAG, mel.shape[1]), FLOOR_DB, np.float16)
        part = np.concatenate([before, mel[start : start + _CHUNK]]).astype(np.float32)
        loudness[start : start + _CHUNK] = 10 * np.log10(np.power(10.0, part[_LAG:] / 10).sum(axis=1))
        bands[start : start + _CHUNK] = _flux(part, reference)
    if reference < -80.0:
        bands[:] = 0.0  # nothing but rounding noise
    spread = np.sqrt((bands**2).mean(axis=0))
    bands /= np.maximum(spread, 0.02)
    return Onsets(bands, _even(bands @ np.array([1.0, 1.0, 0.8], np.float32)), loudness, reference)


def smooth(signal: np.ndarray, seconds: float, rate: float = FRAME_RATE) -> np.ndarray:
    """Moving mean over a centred window, of what there is of it at the ends, along the first axis."""
    half = max(int(round(seconds * rate / 2)), 0)
    total = np.cumsum(np.concatenate([np.zeros_like(signal[:1], np.float64), signal.astype(np.float64)]), axis=0)
    index = np.arange(len(signal))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(signal))
    count = (high - low).reshape(-1, *(1,) * (signal.ndim - 1))
    return ((total[high] - total[low]) / count).astype(signal.dtype)


def _flux(mel_db: np.ndarray, reference_db: float) -> np.ndarray:
    """(T - _LAG, 3) mean rises; comparing with the loudest neighbour of before keeps a vibrato from counting."""
    level = np.log10(1 + np.power(10.0, (mel_db - reference_db + _RANGE_DB) / 10))
    before = level[:-_LAG]
    widened = np.maximum(before, np.maximum(np.roll(before, 1, axis=1), np.roll(before, -1, axis=1)))
    widened[:, 0], widened[:, -1] = np.maximum(before[:, 0], before[:, 1]), np.maximum(before[:, -1], before[:, -2])
    rise = np.maximum(level[_LAG:] - widened, 0)
    centres = band_centres_hz()
    groups = [centres < LOW_HZ, (centres >= LOW_HZ) & (centres < HIGH_HZ), centres >= HIGH_HZ]
    return np.stack([rise[:, group].mean(axis=1) for group in groups], axis=1)


def _even(strength: np.ndarray) -> np.ndarray:
    """Removes the mean of half a second and divides by the spread of eight, so that quiet parts count too."""
    peaks = np.maximum(strength - smooth(strength, 0.5), 0)
    power = smooth(peaks**2, 8.0)
    floor = 0.04 * float(power.mean()) + 0.02
    return (peaks / np.sqrt(power + floor)).astype(np.float32)
