"""Musical time: beats to seconds, along any beat times, with swing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BeatGrid:
    """Where every beat lies.

    Attributes:
        times: (B,) float64 seconds of the beats, increasing. Beat 0 is the first downbeat.
        first: number of the beat at times[0]; at most 0.
        meter: beats to a bar.
    """

    times: np.ndarray
    first: int
    meter: int

    def seconds(self, beat: np.ndarray | float) -> np.ndarray:
        """Seconds of any place between beats, and beyond the ends at the tempo found there."""
        position = np.asarray(beat, np.float64) - self.first
        inside = np.interp(position, np.arange(len(self.times)), self.times)
        before = np.minimum(position, 0) * (self.times[1] - self.times[0])
        after = np.maximum(position - (len(self.times) - 1), 0) * (self.times[-1] - self.times[-2])
        result: np.ndarray = inside + before + after
        return result

    @property
    def beats(self) -> int:
        """Number of the beat after the last one."""
        return self.first + len(self.times)

    @property
    def downbeats(self) -> np.ndarray:
        """(D,) seconds of the first beat of every bar."""
        return self.times[(self.first + np.arange(len(self.times))) % self.meter == 0]


def steady_grid(bpm: float, beats: int, meter: int) -> BeatGrid:
    """Beats of one tempo from second 0."""
    return BeatGrid(np.arange(beats) * 60.0 / bpm, 0, meter)


def grid_along(beat_times: np.ndarray, duration_s: float, meter: int, first_downbeat: int) -> BeatGrid:
    """A grid on given beat times that covers 0 to `duration_s`, going on at the tempo of either end.

    Args:
        beat_times: (B,) seconds, increasing, at least two.
        duration_s: seconds to cover.
        meter: beats to a bar.
        first_downbeat: index of a beat that starts a bar.
    """
    times = np.asarray(beat_times, np.float64)
    if times.ndim != 1 or len(times) < 2 or np.any(np.diff(times) <= 0):
        raise ValueError("beat_times must be at least two increasing times")
    span = min(4, len(times) - 1)
    head, tail = (times[span] - times[0]) / span, (times[-1] - times[-1 - span]) / span
    before = max(int(np.floor(times[0] / head + 1e-9)), 0)
    after = max(int(np.ceil((duration_s - times[-1]) / tail - 1e-9)) - 1, 0)
    full = np.concatenate(
        [times[0] - head * np.arange(before, 0, -1), times, times[-1] + tail * np.arange(1, after + 1)]
    )
    downbeat = (before + first_downbeat) % meter
    return BeatGrid(full, -downbeat, meter)


def swung(beat: np.ndarray | float, eighth: float, sixteenth: float) -> np.ndarray:
    """Beats with their off-beats moved: 0.5 is straight, 2/3 a triplet.

    Args:
        eighth: where in the beat its second half starts.
        sixteenth: where in the half beat its second half starts.
    """
    whole = np.floor(beat)
    part = _bend(np.asarray(beat, np.float64) - whole, eighth)
    half = np.floor(part * 2) / 2
    result: np.ndarray = whole + half + _bend((part - half) * 2, sixteenth) / 2
    return result


def _bend(part: np.ndarray, middle: float) -> np.ndarray:
    return np.where(part < 0.5, part * 2 * middle, middle + (part - 0.5) * 2 * (1 - middle))
