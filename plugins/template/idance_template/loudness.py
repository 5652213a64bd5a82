"""A music encoder of one column: how loud the song is, 25 times a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infinitedance_cli.music.features import frame_count
from infinitedance_cli.music.song import Song

SAMPLE_RATE = 8_000


@dataclass(frozen=True)
class LoudnessEncoder:
    """Root mean square of the samples in the 40 ms around each row."""

    name: str = "loudness"
    rate_hz: float = 25.0
    dimension: int = 1

    def encode(self, song: Song) -> np.ndarray:
        """(ceil(duration_s * 25), 1) float32, 0 for silence; 1 for the loudest square wave."""
        rows = frame_count(song.duration_s, self.rate_hz)
        window = round(SAMPLE_RATE / self.rate_hz)
        energy, counts = np.zeros(rows + 1), np.zeros(rows + 1)
        position = window // 2  # row i is centred on second i / rate
        for block in song.audio(SAMPLE_RATE):  # a block at a time: a one-hour mix must not fill the memory
            row = np.minimum((position + np.arange(len(block))) // window, rows)
            energy += np.bincount(row, np.square(block, dtype=np.float64), rows + 1)
            counts += np.bincount(row, minlength=rows + 1)
            position += len(block)
        loudness = np.sqrt(energy / np.maximum(counts, 1))
        return loudness[:rows, None].astype(np.float32)


def create() -> LoudnessEncoder:
    """What `idance` calls. An encoder with weights would load them here."""
    return LoudnessEncoder()
