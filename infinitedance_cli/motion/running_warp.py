"""`warp.beat_warp` for a motion that is still coming in: timing is settled up to a lag behind what is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.beats import SPEED_SIGMA_FRAMES, Frames, smooth_speed, speed_minima, step_lengths
from infinitedance_cli.motion.warp import BeatWarp, ShiftSearch

FloatArray = NDArray[np.floating]

SPEED_REACH = round(4 * SPEED_SIGMA_FRAMES)
"""Frames on either side that the smoothed speed depends on: scipy cuts the Gaussian there."""
_LONGEST_REST = 45.0
_REST = 30.0
"""Where no beat comes for `_LONGEST_REST` frames, timing is settled every `_REST` frames all the same."""

_SHORTEST = 3
"""A dance of fewer frames keeps its timing."""
_NEARLY = 0.8
"""Share of the greatest change of speed up to which the way back to no shift at the end is searched for."""


@dataclass(frozen=True)
class _Knot:
    """A moment at which the shift is settled: target frame, index of the shift, and its slope there."""

    frame: float
    shift: int
    slope: float


class RunningWarp:
    """Source times of a dance, settled step by step.

    A knot's shift is the best one by all that is known when it is settled, and stays. Between knots the shift follows
    the monotone cubic of `beat_warp`, whose slope at a knot is settled with it.

    Args:
        config: how to search.
        lag: frames behind the last known kinematic beats at which shifts are settled; from `max_shift` on.
        opening: frames at the beginning that are settled with `max_shift` for a lag, so that a dance can begin.
    """

    def __init__(self, config: BeatWarp, lag: float, opening: float = 0.0) -> None:
        self.search, self.lag, self.told = ShiftSearch(config), max(lag, config.max_shift), 0
        self.opening = opening
        self._last: _Knot | None = None

    def settle(self, motion_beats: Frames, music_beats: Frames, known: float, frames: int | None) -> FloatArray:
        """Source times (n,) of the target frames after those that were settled before; may be none.

        Args:
            motion_beats: kinematic beats (M,) around all that is not settled, frames.
            music_beats: beats (N,) of the music, frames, from the last settled knot to beyond `known`.
            known: frame up to which `motion_beats` are complete.
            frames: length of the dance; None as long as more comes.
        """
        from scipy.interpolate import CubicHermiteSpline

        if frames is not None and frames < _SHORTEST:
            return np.arange(frames, dtype=np.float64)
        knots, has_beat = self._knots(np.asarray(music_beats, np.float64), known, frames)
        settled = len(knots)
        if frames is None:
            hasty = min(known - self.search.config.max_shift, self.opening + 1)
            settled = min(int(np.searchsorted(knots, max(known - self.lag, hasty))), len(knots) - 1)
        if settled < (1 if self._last is not None else 2):
            return np.zeros(0)
        rewards = np.zeros((len(knots), len(self.search.shifts)))
        rewards[has_beat] = self.search.rewards(knots[has_beat], motion_beats)
        if frames is not None:
            rewards[-1] = self.search.only_zero()
        if self._last is not None and frames is not None and not self._can_return(frames):
            # Straight back to no shift, more slowly or faster than is allowed elsewhere.
            line = [self._last, _Knot(frames - 1.0, self.search.zero, 0.0)]
        else:
            line = self._through(knots, rewards)[: settled + (self._last is not None)]
        self._last = line[-1]
        stop = frames if frames is not None else int(np.ceil(line[-1].frame))
        target = np.arange(self.told, stop)
        self.told = stop
        curve = CubicHermiteSpline(
            [knot.frame for knot in line],
            [self.search.shifts[knot.shift] for knot in line],
            [knot.slope for knot in line],
        )
        times: FloatArray = np.clip(target + curve(target), 0, np.inf if frames is None else frames - 1)
        return times

    def _can_return(self, frames: int) -> bool:
        """Whether the last knot's shift can go back to 0 in time; where it was settled the end was not known."""
        assert self._last is not None
        shift, left = self.search.shifts[self._last.shift], frames - 1 - self._last.frame
        slowest, fastest = self.search.slopes
        return bool(-_NEARLY * fastest * left <= shift <= _NEARLY * slowest * left)

    def _knots(self, beats: FloatArray, known: float, frames: int | None) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Frames (K,) of the knots after the last one, and which of them are beats; the very first is frame 0."""
        first, last = (-1.0 if self._last is None else self._last.frame), known if frames is None else frames - 1.0
        found = [0.0] if self._last is None else []
        is_beat = [False] * len(found)
        at = max(first, 0.0)
        inside = np.unique(np.append(beats, self.opening))
        for beat in [*inside[(inside > at) & (inside < last)], last]:
            while beat - at > _LONGEST_REST:
                at += _REST
                found.append(at)
                is_beat.append(False)
            if beat < last or frames is not None:
                at = float(beat)
                found.append(at)
                is_beat.append(beat < last and beat != self.opening)
        return np.array(found), np.array(is_beat, bool)

    def _through(self, knots: FloatArray, rewards: FloatArray) -> list[_Knot]:
        """The last settled knot, where there is one, and `knots` (K,) with the best shifts and their slopes."""
        from scipy.interpolate import PchipInterpolator

        last, start = self._last, None
        if last is not None:
            knots, start = np.concatenate(([last.frame], knots)), last.shift
            rewards = np.vstack((np.zeros(rewards.shape[1]), rewards))
        path = self.search.best_path(knots, rewards[1:], start)
        slopes = np.zeros(len(knots))
        if len(knots) > 1:
            slopes = PchipInterpolator(knots, self.search.shifts[path]).derivative()(knots)
        line = [_Knot(*values) for values in zip(knots.tolist(), path.tolist(), slopes.tolist(), strict=True)]
        return line if last is None else [last, *line[1:]]


class RunningBeats:
    """Kinematic beats of a motion that comes in part by part, and how far they are known."""

    def __init__(self) -> None:
        self.known = 0
        self._first, self._lengths = 0, np.zeros(0)
        self._before: FloatArray | None = None

    def add(self, positions: FloatArray) -> None:
        """Take in joint positions (n, J, 3) of the frames that follow."""
        together = positions if self._before is None else np.concatenate([self._before, positions])
        self._lengths = np.concatenate([self._lengths, step_lengths(together)])
        self._before = positions[-1:]
        self.known = max(0, self._first + len(self._lengths) - SPEED_REACH - 1)

    def beats(self) -> NDArray[np.int64]:
        """Frames (B,) of the beats that are kept; those after `known` may still change."""
        return speed_minima(smooth_speed(self._lengths)) + self._first if len(self._lengths) > 2 else np.zeros(0, int)

    def forget(self, before: int) -> None:
        """Let go of beats before a frame, keeping what the next ones depend on."""
        gone = before - 2 * SPEED_REACH - self._first
        if gone > 0:
            self._lengths, self._first = self._lengths[gone:], self._first + gone
