"""Chains of beats by dynamic programming."""

from __future__ import annotations

import numpy as np

from infinitedance_cli.music.spectrum import FRAME_RATE

LOOSE, FIRM, STIFF = 60.0, 300.0, 600.0


def steady_chain(strength: np.ndarray, period: np.ndarray) -> np.ndarray:
    """(B,) seconds of beats that hold on to the given (T,) period."""
    return refine_beats(strength, track_beats(strength, period, STIFF)) / FRAME_RATE


def pliant_chain(strength: np.ndarray, period: np.ndarray) -> np.ndarray:
    """(B,) seconds of beats for a tempo that moves fast: a loose chain shows the period to follow in a firm one."""
    loose = refine_beats(strength, track_beats(strength, period, LOOSE))
    if len(loose) < 8:
        return loose / FRAME_RATE
    steps = np.pad(np.diff(loose), 4, mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(steps, 9), axis=1)
    smooth = np.convolve(np.pad(medians, 2, mode="edge"), np.array([1, 2, 3, 2, 1]) / 9, mode="valid")
    local = np.interp(np.arange(len(strength)), (loose[1:] + loose[:-1]) / 2, smooth)
    return refine_beats(strength, track_beats(strength, local, FIRM)) / FRAME_RATE


def track_beats(strength: np.ndarray, period: np.ndarray, tightness: float) -> np.ndarray:
    """The chain of beats that collects the most onset strength in steps of nearly the local period.

    After D. Ellis, "Beat tracking by dynamic programming", JNMR 36 (2007), with a period that moves along the song.

    Args:
        strength: (T,) onset strength at 100 Hz.
        period: (T,) local beat period in frames.
        tightness: cost of a step e times too long or short, in onset strengths.

    Returns:
        (B,) frames.
    """
    # Frames are worked out in blocks shorter than the shortest step back, so each block is one array operation.
    reach = 1.8 if tightness < FIRM else 1.35
    total = len(strength)
    score = np.zeros(total)
    back = np.full(total, -1)
    cushion = np.convolve(strength, [0.25, 0.5, 0.25], mode="same").astype(np.float64)
    start = 0
    while start < total:
        local = period[start]
        near, far = max(int(local / reach), 2), int(local * reach)
        stop = min(start + near, total)
        steps = np.arange(near, far + 1)
        at = np.arange(start, stop)
        cost = tightness * np.log(steps[None] / period[at, None]) ** 2
        previous = at[:, None] - steps[None]
        value = np.where(previous >= 0, score[np.maximum(previous, 0)], 0.0) - cost
        choice = value.argmax(axis=1)
        rows = np.arange(len(at))
        score[at] = cushion[at] + np.maximum(value[rows, choice], 0.0)
        chosen = previous[rows, choice]
        back[at] = np.where((value[rows, choice] > 0) & (chosen >= 0), chosen, -1)
        start = stop
    tail = max(total - int(period[-1] * 1.5), 0)
    return _chain(back, tail + int(score[tail:].argmax()))


def _chain(back: np.ndarray, last: int) -> np.ndarray:
    """The frames that lead to frame `last`, each from the one that `back` (T,) names; -1 ends it."""
    chain = [last]
    while back[chain[-1]] >= 0:
        chain.append(int(back[chain[-1]]))
    return np.array(chain[::-1])


def refine_beats(strength: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(B,) beat positions in fractions of a frame: the top of the parabola through the onset peak at each beat."""
    inner = np.clip(frames, 1, len(strength) - 2)
    left, middle, right = (strength[inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0.0)
    return inner + np.clip(shift, -0.5, 0.5)
