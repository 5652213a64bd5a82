"""Beat tracking: onsets, local tempo, then the best chain of beats by dynamic programming.

After D. Ellis, "Beat tracking by dynamic programming", JNMR 36 (2007), with a tempo that may move along the song.
"""

from __future__ import annotations

import numpy as np

from infinitedance_cli.music.downbeats import find_downbeats
from infinitedance_cli.music.onsets import Onsets, onset_strength
from infinitedance_cli.music.rhythm import Rhythm, no_rhythm
from infinitedance_cli.music.spectrum import FRAME_RATE, Spectrum
from infinitedance_cli.music.tempo import tempo_curve

_TIGHTNESS = 60.0  # cost of a step twice as long or short as the local period, in onset strengths, over log(2) squared
_LATENCY_S = (
    0.001  # the strength of a click peaks 3 ms before it, that of a drum with a soft attack 6 ms after its start
)
_NO_BEAT, _STEADY_BEAT = 0.08, 0.45


def analyse_rhythm(spectrum: Spectrum) -> Rhythm:
    """Beats, downbeats and tempo of a song.

    Args:
        spectrum: what `analyse_spectrum` made of the sound.

    Returns:
        The rhythm; without a steady pulse (drone, noise, silence, less than two seconds) one of no beats.
    """
    onsets = onset_strength(spectrum)
    curve = tempo_curve(onsets.strength)
    if curve is None:
        return no_rhythm(spectrum.duration_s)
    frames = track_beats(onsets.strength, curve.period_frames)
    frames = frames[_sounding(onsets)[np.clip(frames, 0, len(onsets.strength) - 1)]]
    beats = refine_beats(onsets.strength, frames) / FRAME_RATE - _LATENCY_S
    beats = np.maximum(beats, 0.0)[beats < spectrum.duration_s]
    confidence = beat_confidence(curve.salience, spectrum.duration_s)
    if len(beats) < 4 or confidence == 0.0:
        return no_rhythm(spectrum.duration_s)
    bars, meter = find_downbeats(beats, spectrum, onsets)
    tempo = float(60 / np.median(np.diff(beats)))
    return Rhythm(beats, beats[bars], tempo, confidence, spectrum.duration_s, meter)


def beat_confidence(salience: np.ndarray, duration_s: float) -> float:
    """0 for what noise and drones reach, 1 from the regularity of a drum machine on.

    Chance repeats itself more in a short clip, so the level that counts as no beat falls with the root of the length.
    """
    none = max(_NO_BEAT, 0.5 / float(np.sqrt(duration_s)))
    return float(np.clip((np.median(salience) - none) / (_STEADY_BEAT - none), 0.0, 1.0))


def _sounding(onsets: Onsets) -> np.ndarray:
    """(T,) bool, from the first to the last moment that can be heard."""
    loud = np.flatnonzero(onsets.loudness_db > max(onsets.reference_db - 45.0, -75.0))
    sounding = np.zeros(len(onsets.loudness_db), bool)
    if len(loud):
        sounding[loud[0] : loud[-1] + 1] = True
    return sounding


def track_beats(strength: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Frames of the chain of beats that collects the most onset strength at near the local period.

    Frames are worked out in blocks shorter than the shortest step back, so each block is one array operation.
    """
    total = len(strength)
    score = np.zeros(total)
    back = np.full(total, -1)
    cushion = np.convolve(strength, [0.25, 0.5, 0.25], mode="same").astype(np.float64)
    start = 0
    while start < total:
        local = period[start]
        near, far = max(int(local * 0.55), 2), int(local * 1.8)
        stop = min(start + near, total)
        steps = np.arange(near, far + 1)
        at = np.arange(start, stop)
        cost = _TIGHTNESS * np.log(steps[None] / period[at, None]) ** 2
        previous = at[:, None] - steps[None]
        value = np.where(previous >= 0, score[np.maximum(previous, 0)], 0.0) - cost
        choice = value.argmax(axis=1)
        rows = np.arange(len(at))
        score[at] = cushion[at] + np.maximum(value[rows, choice], 0.0)
        chosen = previous[rows, choice]
        back[at] = np.where((value[rows, choice] > 0) & (chosen >= 0), chosen, -1)
        start = stop
    tail = max(total - int(period[-1] * 1.5), 0)
    frame = tail + int(score[tail:].argmax())
    chain = [frame]
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
