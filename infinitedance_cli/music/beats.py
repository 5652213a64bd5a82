"""Beat tracking: onsets, local tempo, chains of beats by dynamic programming, and the choice among them."""

from __future__ import annotations

import numpy as np

from infinitedance_cli.music.downbeats import find_downbeats
from infinitedance_cli.music.hypotheses import best_chain
from infinitedance_cli.music.onsets import Onsets, onset_strength
from infinitedance_cli.music.rhythm import Rhythm, median_tempo, no_rhythm
from infinitedance_cli.music.spectrum import FRAME_RATE, Spectrum
from infinitedance_cli.music.tempo import tempo_curve

_LATENCY_S = (
    0.001  # the strength of a click peaks 3 ms before it, that of a drum with a soft attack 6 ms after its start
)
_NO_BEAT, _STEADY_BEAT = 0.08, 0.45
_FAINT = 0.2  # onset strength that does not count as the first or last beat


def analyse_rhythm(spectrum: Spectrum, earlier: Rhythm | None = None) -> Rhythm:
    """Beats, downbeats and tempo of a song.

    Args:
        spectrum: what `analyse_spectrum` made of the sound.
        earlier: beats of its first part that were told before, for a song that is heard bit by bit: they stay as they
            are, and what follows goes on from them.

    Returns:
        The rhythm; without a steady pulse (drone, noise, silence, less than two seconds) one of no beats.
    """
    onsets = onset_strength(spectrum)
    curve = tempo_curve(onsets.strength)
    if curve is None:
        return no_rhythm(spectrum.duration_s)
    told = None if earlier is None else earlier.beats
    beats = best_chain(spectrum, onsets, curve.period_frames, told)
    beats = np.maximum(_with_onsets(beats, onsets) - _LATENCY_S, 0.0)
    confidence = beat_confidence(curve.salience, spectrum.duration_s)
    if len(beats) < 4 or confidence == 0.0:
        return no_rhythm(spectrum.duration_s)
    if earlier is not None:
        beats = _continued(beats, earlier)
    bars, meter = find_downbeats(beats, spectrum, onsets, None if earlier is None else earlier.downbeats)
    return Rhythm(beats, beats[bars], median_tempo(beats), confidence, spectrum.duration_s, meter)


def beat_confidence(salience: np.ndarray, duration_s: float) -> float:
    """0 for what noise and drones reach, 1 from the regularity of a drum machine on.

    Chance repeats itself more in a short clip, so the level that counts as no beat falls with the root of the length.
    """
    none = max(_NO_BEAT, 0.5 / float(np.sqrt(duration_s)))
    return float(np.clip((np.median(salience) - none) / (_STEADY_BEAT - none), 0.0, 1.0))


def _continued(beats: np.ndarray, earlier: Rhythm) -> np.ndarray:
    """The earlier beats, and those of `beats` (B,) after them: from 0.6 of a beat after the last one on, which may by
    now be found just before the moment up to which beats were told.
    """
    least = 0.6 * float(np.median(np.diff(beats)))
    first = earlier.duration_s - least
    if len(earlier.beats):
        first = max(first, earlier.beats[-1] + least)
    return np.concatenate([earlier.beats, beats[beats >= first]])


def _with_onsets(beats: np.ndarray, onsets: Onsets) -> np.ndarray:
    """The beats without those before the music starts and those in the silence or reverberation after its end."""
    around = np.round(beats * FRAME_RATE).astype(np.int64)[:, None] + np.arange(-3, 4)
    inside = np.clip(around, 0, len(onsets.strength) - 1)
    heard = onsets.loudness_db[inside].max(axis=1) > max(onsets.reference_db - 45.0, -75.0)
    struck = np.flatnonzero((onsets.strength[inside].max(axis=1) > _FAINT) & heard)
    return beats[struck[0] : struck[-1] + 1] if len(struck) else beats[:0]
