"""Which of several chains of beats is the one to dance to: its tempo octave and its phase.

Autocorrelation leaves both open: half and double tempo repeat just as well, and so does a chain that sits between the
beats. Each hypothesis is described by what falls on its beats, between them and on every other one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infinitedance_cli.music.onsets import Onsets
from infinitedance_cli.music.spectrum import COARSE, FRAME_RATE, Spectrum
from infinitedance_cli.music.tracking import pliant_chain, steady_chain

WEIGHTS: dict[str, float] = {
    "on": 0.28, "half": 0.228, "thirds": -1.7, "quarters": -0.419, "low_on": -0.435, "low_half": -0.156,
    "mid_on": -0.0238, "mid_half": 0.167, "high_on": 1.45, "high_half": -0.339, "harmony_on": 3.38,
    "harmony_half": -6.68, "alternate_all": -0.154, "alternate_low": 0.854, "alternate_high": 1.01,
    "alternate_harmony": 1.11, "repeat_1": 1.34, "repeat_2": -2.24, "repeat_3": -1.14, "repeat_4": 1.5,
    "repeat_8": -0.268, "tempo": 1.55, "tempo_squared": -5.31, "spread": -29.2, "cover_on": -0.701,
    "cover_half": 1.28, "cover_low_on": 3, "cover_low_half": -3.46,
}  # fmt: skip
"""What speaks for a chain of beats, and how much: fitted by softmax regression over the hypotheses of each song, on 180
songs of `music.compose` in all styles, 54 more along wavering tempi, 60 click tracks, and 75 openly licensed MIDI
pieces with exact beats. In five-fold cross-validation it picks a right chain (F above .8), where there is one, in 93,
94, 95 and 81 % of them."""

RATIOS = (1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3)
"""Periods that are tried, over the one that autocorrelation proposes."""
SHIFTS = (0, 1 / 3, 1 / 2, 2 / 3)
"""Places in the beat to which each chain is moved."""
_JUDGED_S = 75.0  # from the middle of the song; the rest is tracked as this part was best tracked
_CONTINUITY = 2.0  # what meeting all beats that were told before counts
_SAME_BEAT_S = 0.07
_SLOWEST, _FASTEST = 66.0, 164.0  # beats a minute that people dance to; half or double of any tempo lies within


@dataclass(frozen=True)
class Hypothesis:
    """A way to track: period over the proposed one, place in the beat, and whether the tempo moves fast."""

    ratio: float
    shift: float
    pliant: bool

    def chain(self, strength: np.ndarray, period: np.ndarray) -> np.ndarray:
        """(B,) seconds."""
        track = pliant_chain if self.pliant else steady_chain
        return shifted(track(strength, period * self.ratio), self.shift)


def best_chain(spectrum: Spectrum, onsets: Onsets, period: np.ndarray, earlier: np.ndarray | None = None) -> np.ndarray:
    """(B,) seconds of the beats of the best hypothesis.

    Args:
        spectrum, onsets: the song.
        period: (T,) beat period that autocorrelation proposes, frames.
        earlier: (E,) seconds of beats of the stretch that were told before and that the chain should go on from.
    """
    begin = max((len(period) - int(_JUDGED_S * FRAME_RATE)) // 2, 0) // COARSE * COARSE
    stretch = slice(begin, begin + int(_JUDGED_S * FRAME_RATE))
    candidates = propose(onsets.strength[stretch], period[stretch])
    if not candidates:
        return np.zeros(0)
    evidence = gather(spectrum, onsets, stretch)
    rows = np.array([describe(beats, evidence) for _, beats in candidates])
    scores = rows @ np.array(list(WEIGHTS.values()))
    if earlier is not None and len(earlier) > 1:
        scores = scores + _CONTINUITY * np.array([agreement(beats, earlier) for _, beats in candidates])
    chosen, beats = candidates[int(scores.argmax())]
    return beats if begin == 0 else chosen.chain(onsets.strength, period)


def propose(strength: np.ndarray, period: np.ndarray) -> list[tuple[Hypothesis, np.ndarray]]:
    """All hypotheses that fit the range of tempi, each with its beats, seconds."""
    found = []
    for ratio in RATIOS:
        if not _SLOWEST <= 60 * FRAME_RATE / (float(np.median(period)) * ratio) <= _FASTEST:
            continue
        for pliant in (False, True):
            beats = Hypothesis(ratio, 0, pliant).chain(strength, period)
            if len(beats) >= 4:
                found += [(Hypothesis(ratio, shift, pliant), shifted(beats, shift)) for shift in SHIFTS]
    return found


def agreement(beats: np.ndarray, earlier: np.ndarray) -> float:
    """F-measure of (B,) beats, as far as the E ≥ 1 `earlier` ones reach, against those: 1 where they are the same."""
    told = beats[(beats > earlier[0] - _SAME_BEAT_S) & (beats < earlier[-1] + _SAME_BEAT_S)]
    if not len(told):
        return 0.0
    met = np.abs(earlier[:, None] - told[None]).min(axis=1) < _SAME_BEAT_S
    return float(2 * met.sum() / (len(told) + len(earlier)))


def shifted(beats: np.ndarray, part: float) -> np.ndarray:
    """Every beat moved into the beat by a part of the step that follows it."""
    return beats + part * np.append(np.diff(beats), beats[-1:] - beats[-2:-1]) if part else beats


@dataclass(frozen=True)
class Evidence:
    """Signals that beats are held against, (T,) float32 at 100 Hz, each widened to the loudest of 40 ms around."""

    strength: np.ndarray
    bands: np.ndarray
    harmony: np.ndarray


def gather(spectrum: Spectrum, onsets: Onsets, stretch: slice) -> Evidence:
    """Collects what `describe` needs of a stretch of frames at 100 Hz that starts on a multiple of four."""
    bands = onsets.bands[stretch]
    bands = bands / (bands.mean(axis=0) * 4 + 0.2)
    chroma = spectrum.chroma[stretch.start // COARSE : -(-stretch.stop // COARSE)]
    return Evidence(
        _widened(onsets.strength[stretch]), np.stack([_widened(band) for band in bands.T], axis=1), _harmony(chroma)
    )


def describe(beats: np.ndarray, evidence: Evidence) -> np.ndarray:
    """(28,) what speaks for and against a chain of beats, in the order of `WEIGHTS`.

    Args:
        beats: (B,) seconds, at least 4.
    """
    step = np.append(np.diff(beats), beats[-1] - beats[-2])
    parts = (0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4)
    frame = {part: _frames(beats + part * step, len(evidence.strength)) for part in parts}
    s, (low, mid, high) = evidence.strength, evidence.bands.T
    h = evidence.harmony
    row = [s[frame[0]].mean(), s[frame[1 / 2]].mean()]
    row += [(s[frame[first]].mean() + s[frame[last]].mean()) / 2 for first, last in ((1 / 3, 2 / 3), (1 / 4, 3 / 4))]
    for band in (low, mid, high, h):
        row += [band[frame[0]].mean(), band[frame[1 / 2]].mean()]
    row += [_alternation(signal[frame[0]]) for signal in (s, low, high, h)]
    pattern = np.stack([band[frame[part]] for part in (0, 1 / 4, 1 / 2, 3 / 4) for band in (low, mid, high)], axis=1)
    pattern = (pattern - pattern.mean(axis=0)) / (pattern.std(axis=0) + 0.1)
    row += [_repetition(pattern, lag) for lag in (1, 2, 3, 4, 8)]
    octaves = float(np.log2(60 / np.median(step) / 112))
    row += [octaves, octaves**2, float(np.std(np.log(step)))]
    row += [float((signal[frame[part]] > 0.5).mean()) for signal in (s, low) for part in (0, 1 / 2)]
    return np.array(row)


def _frames(times: np.ndarray, count: int) -> np.ndarray:
    return np.clip(np.round(times * FRAME_RATE).astype(np.int64), 0, count - 1)


def _alternation(values: np.ndarray) -> float:
    """How much every other beat is stronger."""
    even, odd = values[::2], values[1::2]
    return float(abs(even.mean() - odd.mean()) / (values.std() + 0.1))


def _repetition(pattern: np.ndarray, lag: int) -> float:
    if len(pattern) <= 2 * lag:
        return 0.0
    return float((pattern[lag:] * pattern[:-lag]).mean() / ((pattern**2).mean() + 1e-9))


def _widened(signal: np.ndarray) -> np.ndarray:
    wide = signal.copy()
    for shift in (1, 2):
        wide[shift:] = np.maximum(wide[shift:], signal[:-shift])
        wide[:-shift] = np.maximum(wide[:-shift], signal[shift:])
    return wide


def _harmony(chroma: np.ndarray) -> np.ndarray:
    """(T,) at 100 Hz, how different the harmony of the next 0.4 s is from that of the last 0.4 s."""
    span = 10
    total = np.cumsum(np.concatenate([np.zeros((1, 12)), chroma]), axis=0)
    index = np.arange(len(chroma))
    before = total[index] - total[np.maximum(index - span, 0)]
    after = total[np.minimum(index + span, len(chroma))] - total[index]
    norm = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = np.where(norm > 1e-9, 1 - (before * after).sum(axis=1) / np.maximum(norm, 1e-9), 0.0)
    scaled = change / (change.mean() * 3 + 0.02)
    return np.interp(np.arange(len(chroma) * COARSE) / COARSE, index, scaled).astype(np.float32)
