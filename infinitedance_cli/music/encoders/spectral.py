"""The default encoder: timbre, harmony, onsets, loudness and the beat, at 25 Hz, with no weights.

Every column is bounded by 1 in size and does not change when the song is played louder or softer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infinitedance_cli.music.features import FeatureLayout
from infinitedance_cli.music.onsets import Onsets, onset_strength, smooth
from infinitedance_cli.music.rhythm import Rhythm
from infinitedance_cli.music.song import Song
from infinitedance_cli.music.spectrum import COARSE, FRAME_RATE, MEL_BANDS

RATE_HZ = FRAME_RATE / COARSE
MFCC = 20
LAYOUT = FeatureLayout(
    (
        ("mfcc", MFCC),  # cepstrum of the mel bands, 0 first (level over the song's loud moments)
        ("mfcc_delta", MFCC),  # its slope over 200 ms
        ("chroma", 12),  # C first, largest 1
        ("onset", 4),  # low, mid, high band, all
        ("loudness", 2),  # over 0.2 s, over 4 s; 1 at the loud moments of the song, -1 at 50 dB below
        ("beat_phase", 2),  # sine, cosine; sine 0 and cosine 1 at a beat; 0, 0 without a beat
        ("bar_phase", 2),
        ("impulse", 2),  # bumps at beats, at downbeats
        ("tempo", 2),  # octaves from 120 BPM over 2, confidence
    )
)
BUMP_S = 0.04
"""Standard deviation of the bumps of the impulse block."""

_RANGE_DB = 50.0


@dataclass(frozen=True)
class SpectralEncoder:
    """See the module's `LAYOUT` for the columns."""

    name: str = "spectral"
    rate_hz: float = RATE_HZ
    dimension: int = LAYOUT.dimension

    def encode(self, song: Song) -> np.ndarray:
        """(ceil(duration_s * 25), 66) float32 in -1..1."""
        onsets = onset_strength(song.spectrum)
        level = song.spectrum.mel_db
        mfcc = _mfcc(level, onsets.reference_db)
        parts = {
            "mfcc": mfcc,
            "mfcc_delta": np.clip(_slope(mfcc) * 3, -1, 1),
            "chroma": _chroma(song.spectrum.chroma, onsets.reference_db),
            "onset": _onset(onsets),
            "loudness": _loudness(onsets),
        }
        parts.update(rhythm_columns(song.rhythm, song.spectrum.frames))
        return LAYOUT.join(parts)


def create() -> SpectralEncoder:
    """The encoder; it needs nothing."""
    return SpectralEncoder()


def rhythm_columns(rhythm: Rhythm, frames: int, rate_hz: float = RATE_HZ) -> dict[str, np.ndarray]:
    """The blocks `beat_phase`, `bar_phase`, `impulse` and `tempo` of (frames, 2) each; zeros without a beat."""
    times = np.arange(frames) / rate_hz
    bumps = np.stack([_bumps(times, rhythm.beats), _bumps(times, rhythm.downbeats)], axis=1)
    tempo = np.zeros((frames, 2))
    if rhythm.tempo_bpm > 0:
        local = _local_octaves(rhythm.beats, times)
        tempo = np.stack([np.clip(local / 2, -1, 1), np.full(frames, rhythm.confidence)], axis=1)
    return {
        "beat_phase": _circle(rhythm.beat_phase(times)),
        "bar_phase": _circle(rhythm.bar_phase(times)),
        "impulse": bumps,
        "tempo": tempo,
    }


def _circle(phase: np.ndarray) -> np.ndarray:
    angle = 2 * np.pi * phase
    return np.nan_to_num(np.stack([np.sin(angle), np.cos(angle)], axis=1))


def _bumps(times: np.ndarray, marks: np.ndarray) -> np.ndarray:
    if not len(marks):
        return np.zeros(len(times))
    after = np.searchsorted(marks, times)
    left = np.abs(times - marks[np.maximum(after - 1, 0)])
    right = np.abs(times - marks[np.minimum(after, len(marks) - 1)])
    return np.exp(-0.5 * (np.minimum(left, right) / BUMP_S) ** 2)


def _local_octaves(beats: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T,) log2 of the tempo over 120 BPM, over the four beats around each moment."""
    span = min(4, len(beats) - 1)
    period = (beats[span:] - beats[:-span]) / span
    centre = (beats[span:] + beats[:-span]) / 2
    return np.interp(times, centre, np.log2(60 / period / 120))


def _mfcc(mel_db: np.ndarray, reference_db: float) -> np.ndarray:
    """(T', 20) cosine transform of the mel levels, which are cut to 50 dB below the song's loud moments."""
    level = np.clip((mel_db.astype(np.float32) - reference_db) / _RANGE_DB, -1, 0.3) + 0.5
    order = np.arange(MFCC)[:, None]
    basis = np.cos(np.pi * order * (np.arange(MEL_BANDS) + 0.5) / MEL_BANDS) / MEL_BANDS
    gain = np.where(np.arange(MFCC) == 0, 2.0, 4.0 * np.sqrt(np.maximum(np.arange(MFCC), 1)))
    return np.tanh(pool(level @ (basis * gain[:, None]).T.astype(np.float32)))


def pool(fine: np.ndarray) -> np.ndarray:
    """(T', D) means of (4 T', D) rows at 100 Hz around every row at 25 Hz, with a triangle of 60 ms."""
    padded = np.pad(fine, ((COARSE - 1, COARSE - 1), (0, 0)), mode="edge")
    weights = np.array([1, 2, 3, 4, 3, 2, 1], np.float32) / 16
    rows = len(fine) // COARSE
    return sum(weight * padded[step : step + rows * COARSE : COARSE] for step, weight in enumerate(weights))


def _slope(rows: np.ndarray) -> np.ndarray:
    """Regression over five rows, per row."""
    padded = np.pad(rows, ((2, 2), (0, 0)), mode="edge")
    return (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10


def _chroma(chroma: np.ndarray, reference_db: float) -> np.ndarray:
    """Largest pitch class 1 where the song sounds, fading to zeros where it is 40 dB below its loud moments."""
    quiet = 10 ** ((reference_db - 40) / 20)
    steady = smooth(chroma, 0.2, RATE_HZ)
    return (steady / np.maximum(steady.max(axis=1, keepdims=True), quiet)) ** 2  # squared: drums fill all classes


def _onset(onsets: Onsets) -> np.ndarray:
    together = np.concatenate([onsets.bands, onsets.strength[:, None]], axis=1)
    return np.tanh(pool(together) / 2)


def _loudness(onsets: Onsets) -> np.ndarray:
    level = np.clip((onsets.loudness_db - onsets.reference_db) / _RANGE_DB * 2 + 1, -1, 1)[:, None]
    return pool(np.concatenate([smooth(level, 0.2), smooth(level, 4.0)], axis=1))
