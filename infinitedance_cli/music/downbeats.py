"""Which beats are the first of a bar: accents and chord changes, over bars of four and of three beats."""

from __future__ import annotations

import numpy as np

from infinitedance_cli.music.onsets import Onsets
from infinitedance_cli.music.spectrum import COARSE, FRAME_RATE, Spectrum

METERS = (4, 3)
_SLIP_COST = 6.0  # for a bar that is cut or stretched by a beat
_TOLD = 2.0  # accent of a downbeat that was told before
_THREE_MARGIN = 0.35  # how much better three beats to a bar must explain the song than four


def find_downbeats(
    beats: np.ndarray, spectrum: Spectrum, onsets: Onsets, earlier: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """The downbeats among `beats` and the meter.

    Args:
        beats: (B,) seconds.
        earlier: (E,) those of `beats` that were told to be downbeats before, and count as accents.

    Returns:
        (D,) int indices into `beats`, and 4 or 3 beats to a bar.
    """
    if len(beats) < 6:
        return np.arange(0, len(beats), METERS[0]), METERS[0]
    accent = _accent(beats, spectrum, onsets)
    if earlier is not None:
        accent = accent + _TOLD * np.isin(beats, earlier)
    pattern = _patterns(beats, onsets)
    best, chosen = -np.inf, (np.zeros(0, np.int64), METERS[0])
    for meter in METERS:
        positions, score = _bar_positions(accent, meter)
        value = score / len(beats) + 0.8 * _repetition(pattern, meter) - (_THREE_MARGIN if meter == 3 else 0.0)
        if value > best:
            best, chosen = value, (np.flatnonzero(positions == 0), meter)
    return chosen


def _accent(beats: np.ndarray, spectrum: Spectrum, onsets: Onsets) -> np.ndarray:
    """(B,) how much each beat sounds like the start of a bar, of spread 1."""
    frames = np.round(beats * FRAME_RATE).astype(np.int64)
    low, high = _peak(onsets.bands[:, 0], frames), _peak(onsets.bands[:, 2], frames)
    harmony = _change(spectrum.chroma, frames / COARSE)
    tone = _change(np.power(10.0, spectrum.mel_db[::COARSE].astype(np.float32) / 20), frames / COARSE)
    return _standard(0.8 * _standard(low) + 1.5 * _standard(harmony) + 0.6 * _standard(tone) - 0.4 * _standard(high))


def _patterns(beats: np.ndarray, onsets: Onsets) -> np.ndarray:
    """(B, 12) onsets of the three bands at the beat and at the quarters between: the drum pattern of each beat."""
    step = np.append(np.diff(beats), beats[-1] - beats[-2])
    columns = [
        _peak(onsets.bands[:, band], np.round((beats + step * part) * FRAME_RATE).astype(np.int64))
        for part in (0.0, 0.25, 0.5, 0.75)
        for band in range(3)
    ]
    pattern = np.stack(columns, axis=1)
    return (pattern - pattern.mean(axis=0)) / (pattern.std(axis=0) + 0.2)


def _repetition(pattern: np.ndarray, lag: int) -> float:
    """Correlation of the pattern with itself `lag` beats later."""
    if len(pattern) <= 2 * lag:
        return 0.0
    return float((pattern[lag:] * pattern[:-lag]).mean() / ((pattern**2).mean() + 1e-9))


def _bar_positions(accent: np.ndarray, meter: int) -> tuple[np.ndarray, float]:
    """(B,) place of every beat in its bar along the best path, and that path's score."""
    emission = np.full((len(accent), meter), 0.0)
    emission[:, 0] = accent
    emission[:, 1:] = -accent[:, None] / (meter - 1)
    score = emission[0].copy()
    back = np.zeros((len(accent), meter), np.int64)
    for index in range(1, len(accent)):
        steady = np.roll(score, 1)
        slip = score.max() - _SLIP_COST
        back[index] = np.where(steady >= slip, (np.arange(meter) - 1) % meter, score.argmax())
        score = np.maximum(steady, slip) + emission[index]
    path = np.zeros(len(accent), np.int64)
    path[-1] = score.argmax()
    for index in range(len(accent) - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path, float(score.max())


def _peak(signal: np.ndarray, frames: np.ndarray, reach: int = 3) -> np.ndarray:
    around = np.clip(frames[:, None] + np.arange(-reach, reach + 1), 0, len(signal) - 1)
    return signal[around].max(axis=1)


def _change(vectors: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(B,) cosine distance between the mean over the beat before and over the beat after."""
    total = np.cumsum(np.concatenate([np.zeros((1, vectors.shape[1])), vectors]), axis=0)
    step = float(np.median(np.diff(positions)))
    edges = [np.clip(np.round(positions + part * step), 0, len(vectors)).astype(np.int64) for part in (-1.0, 0.0, 1.0)]
    before, after = total[edges[1]] - total[edges[0]], total[edges[2]] - total[edges[1]]
    norm = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return 1.0 - (before * after).sum(axis=1) / np.maximum(norm, 1e-9)


def _standard(values: np.ndarray) -> np.ndarray:
    return np.clip((values - values.mean()) / (values.std() + 0.1 * np.abs(values).mean() + 1e-3), -3, 3)
