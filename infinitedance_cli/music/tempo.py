"""The local tempo of a song, by autocorrelation of its onsets and a smooth path through time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infinitedance_cli.music.spectrum import FRAME_RATE

SLOWEST_BPM, FASTEST_BPM = 50.0, 200.0
PREFERRED_BPM, PREFERRED_OCTAVES = 112.0, 0.55
"""Centre and spread of the prior over tempo: dancers count most music between 70 and 160."""

_PER_OCTAVE = 96
_WINDOW_S, _HOP_S = 8.0, 1.0
_QUIET = 0.05  # mean power of the onset strength below which a stretch holds no onsets worth the name
_CHANGE_COST = 4.0  # per octave of change between windows one second apart


@dataclass(frozen=True)
class TempoCurve:
    """Beat period along a song.

    Attributes:
        period_frames: (T,) float64, local beat period in frames of 100 Hz.
        salience: (W,) float64, one value a second: autocorrelation at the chosen period and its multiples, 0 to 1.
    """

    period_frames: np.ndarray
    salience: np.ndarray


def tempo_curve(strength: np.ndarray) -> TempoCurve | None:
    """Follows the tempo of a (T,) onset strength at 100 Hz; None if there is too little to measure a tempo from."""
    window = int(min(_WINDOW_S * FRAME_RATE, len(strength)))
    if window < 2 * FRAME_RATE or not strength.any():
        return None
    starts = np.arange(0, max(len(strength) - window, 0) + 1, int(_HOP_S * FRAME_RATE))
    periods = candidate_periods()
    scores = comb_scores(autocorrelation(strength, starts, window), periods)
    path = _best_path(scores + _octave_bonus(scores, periods))
    centres = starts + window / 2
    local = np.interp(np.arange(len(strength)), centres, np.log(periods[path]))
    return TempoCurve(np.exp(local), scores[np.arange(len(path)), path])


def candidate_periods() -> np.ndarray:
    """(P,) beat periods in frames, evenly spaced in log, longest first."""
    octaves = np.log2(FASTEST_BPM / SLOWEST_BPM)
    bpm = SLOWEST_BPM * 2 ** np.linspace(0, octaves, int(octaves * _PER_OCTAVE) + 1)
    return 60.0 * FRAME_RATE / bpm


def autocorrelation(strength: np.ndarray, starts: np.ndarray, window: int) -> np.ndarray:
    """(W, window) autocorrelation of each stretch, unbiased, near 1 at lag 0; near 0 where nothing starts."""
    taper = np.minimum(1.0, np.arange(window, 0, -1) / window)
    result = np.zeros((len(starts), window))
    for index, start in enumerate(starts):
        part = strength[start : start + window].astype(np.float64)
        part = part - part.mean()
        size = 1 << (2 * window - 1).bit_length()
        power = np.abs(np.fft.rfft(part, size)) ** 2
        raw = np.fft.irfft(power, size)[:window]
        energy = max(raw[0], _QUIET * window)
        result[index] = np.convolve(raw / energy / np.maximum(taper, 0.2), [0.25, 0.5, 0.25], mode="same")
    return result


def comb_scores(correlation: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """(W, P) mean autocorrelation at the beat, its pairs and its bars; the better of four and three beats to a bar."""
    duple = _mean_at(correlation, periods, (1, 2, 4, 8))
    triple = _mean_at(correlation, periods, (1, 3, 6))
    return np.maximum(np.maximum(duple, triple - 0.02), 0.0)


def _mean_at(correlation: np.ndarray, periods: np.ndarray, multiples: tuple[int, ...]) -> np.ndarray:
    lags = np.arange(correlation.shape[1])
    total = np.zeros((len(correlation), len(periods)))
    count = np.zeros(len(periods))
    for multiple in multiples:
        at = periods * multiple
        fits = at < len(lags) * 0.85
        count += fits
        for index, row in enumerate(correlation):
            total[index] += np.where(fits, np.interp(at, lags, row), 0.0)
    return total / np.maximum(count, 1)


def _octave_bonus(scores: np.ndarray, periods: np.ndarray) -> np.ndarray:
    octaves = np.log2(60.0 * FRAME_RATE / periods / PREFERRED_BPM)
    prior = -0.5 * (octaves / PREFERRED_OCTAVES) ** 2
    overall = scores.mean(axis=0)
    return 0.12 * prior + 0.5 * overall


def _best_path(scores: np.ndarray) -> np.ndarray:
    """(W,) indices of the best path; changing tempo costs in proportion to the change in octaves."""
    count = scores.shape[1]
    octaves = np.arange(count) / _PER_OCTAVE
    cost = _CHANGE_COST * np.minimum(np.abs(octaves[:, None] - octaves[None]), 0.25) / 2
    best = scores[0]
    back = np.zeros(scores.shape, np.int64)
    for index in range(1, len(scores)):
        options = best[:, None] - cost
        back[index] = options.argmax(axis=0)
        best = options.max(axis=0) + scores[index]
    path = np.zeros(len(scores), np.int64)
    path[-1] = best.argmax()
    for index in range(len(scores) - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path
