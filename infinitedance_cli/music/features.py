"""Music features: the interface of encoders, and named blocks with derived slices.

An encoder turns a `Song` into one vector every 1 / `rate_hz` seconds. Row i is centred on second i / `rate_hz`; there
are ceil(duration * rate_hz) rows, so the features always cover the song.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from infinitedance_cli import plugins
from infinitedance_cli.errors import StageFailed
from infinitedance_cli.music.song import Song

DEFAULT_ENCODER = "spectral"


class MusicEncoder(Protocol):
    """What a plug-in of the kind "music" creates; `name` is written beside the features."""

    @property
    def name(self) -> str:
        """Plug-in name."""
        ...

    @property
    def rate_hz(self) -> float:
        """Rows a second."""
        ...

    @property
    def dimension(self) -> int:
        """Columns."""
        ...

    def encode(self, song: Song) -> np.ndarray:
        """(ceil(duration_s * rate_hz), dimension) float32, all finite."""
        ...


@dataclass(frozen=True)
class FeatureLayout:
    """Named blocks of columns, in order."""

    blocks: tuple[tuple[str, int], ...]

    @property
    def dimension(self) -> int:
        """Columns of all blocks."""
        return sum(width for _, width in self.blocks)

    @property
    def slices(self) -> dict[str, slice]:
        """Columns of each block by name."""
        result, start = {}, 0
        for name, width in self.blocks:
            result[name] = slice(start, start + width)
            start += width
        return result

    def join(self, parts: dict[str, np.ndarray]) -> np.ndarray:
        """(T, dimension) float32 from one (T, width) array for each block."""
        missing = {name for name, _ in self.blocks} ^ set(parts)
        if missing:
            raise ValueError(f"blocks {sorted(missing)} are missing or unknown")
        return np.concatenate([parts[name] for name, _ in self.blocks], axis=1).astype(np.float32)


def load_encoder(name: str = DEFAULT_ENCODER) -> MusicEncoder:
    """Makes the encoder of this plug-in name.

    Raises:
        UsageError: no such plug-in; the message lists those there are.
        MissingResource: it needs weights or a package that is not there.
    """
    encoder: MusicEncoder = plugins.load("music", name).create()
    return encoder


def encode_song(song: Song, encoder: MusicEncoder) -> np.ndarray:
    """(T', D) float32 features of a song, checked against what the encoder promises.

    Raises:
        StageFailed: the encoder returned another shape or non-finite values.
    """
    features = np.asarray(encoder.encode(song), np.float32)
    expected = (frame_count(song.duration_s, encoder.rate_hz), encoder.dimension)
    if features.shape != expected:
        raise StageFailed(f"music encoder {encoder.name} returned shape {features.shape}; expected {expected}")
    if not np.isfinite(features).all():
        raise StageFailed(f"music encoder {encoder.name} returned NaN or infinite features")
    return features


def frame_count(duration_s: float, rate_hz: float) -> int:
    """Rows that cover a duration: its ceiling, forgiving rounding errors of a millionth of a frame."""
    return math.ceil(duration_s * rate_hz - 1e-6)
