"""What is known of a song's beat, and the phase of any moment in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXTRAPOLATED_BEATS = 4
"""Beats before the first and after the last one for which a phase is still given."""


@dataclass(frozen=True)
class Rhythm:
    """Beats of a song, tracked or known.

    Attributes:
        beats: (B,) float64, seconds, increasing; empty for sound without a beat.
        downbeats: (D,) float64, seconds, the first beat of each bar, a subset of `beats`.
        tempo_bpm: median tempo, 0 without beats.
        confidence: 0 (no beat) to 1 (as regular as a drum machine).
        duration_s: length of the sound.
        meter: beats to a bar, 0 without beats.
    """

    beats: np.ndarray
    downbeats: np.ndarray
    tempo_bpm: float
    confidence: float
    duration_s: float
    meter: int = 4

    def beat_phase(self, times: np.ndarray) -> np.ndarray:
        """(T,) position inside the beat, 0 at a beat up to below 1; NaN where there is no beat near."""
        return _phase(self.beats, times, EXTRAPOLATED_BEATS)

    def bar_phase(self, times: np.ndarray) -> np.ndarray:
        """(T,) position inside the bar, 0 at a downbeat up to below 1; NaN where there is no bar near."""
        return _phase(self.downbeats, times, 1)

    def shifted(self, start: float, duration_s: float) -> Rhythm:
        """The rhythm of the cut from `start` on, of length `duration_s`."""
        beats = self.beats[(self.beats >= start) & (self.beats < start + duration_s)] - start
        downbeats = self.downbeats[(self.downbeats >= start) & (self.downbeats < start + duration_s)] - start
        return Rhythm(beats, downbeats, self.tempo_bpm, self.confidence, duration_s, self.meter)


def no_rhythm(duration_s: float) -> Rhythm:
    """The rhythm of sound without a beat."""
    return Rhythm(np.zeros(0), np.zeros(0), 0.0, 0.0, duration_s, 0)


def known_rhythm(beats: np.ndarray, duration_s: float, downbeats: np.ndarray | None = None, meter: int = 4) -> Rhythm:
    """A rhythm from exact beats, with confidence 1.

    Args:
        beats: (B,) seconds, increasing.
        duration_s: length of the sound.
        downbeats: (D,) seconds; None takes every `meter`-th beat from the first.
        meter: beats to a bar.
    """
    beats = np.asarray(beats, np.float64)
    if len(beats) < 2:
        return no_rhythm(duration_s)
    if np.any(np.diff(beats) <= 0):
        raise ValueError("beat times must increase")
    bars = beats[::meter] if downbeats is None else np.asarray(downbeats, np.float64)
    return Rhythm(beats, bars, median_tempo(beats), 1.0, duration_s, meter)


def median_tempo(beats: np.ndarray) -> float:
    """Beats a minute, the median over spans of eight beats, so that hundredths of a second do not round it."""
    span = min(8, len(beats) - 1)
    return float(60 * span / np.median(beats[span:] - beats[:-span]))


def _phase(marks: np.ndarray, times: np.ndarray, reach: int) -> np.ndarray:
    if len(marks) < 2:
        return np.full(len(times), np.nan)
    before = marks[0] - (marks[1] - marks[0]) * np.arange(reach, 0, -1)
    after = marks[-1] + (marks[-1] - marks[-2]) * np.arange(1, reach + 1)
    grid = np.concatenate([before, marks, after])
    position = np.interp(times, grid, np.arange(len(grid)), left=np.nan, right=np.nan)
    return position % 1.0
