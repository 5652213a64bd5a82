"""One pass over the sound of a song: a log-mel spectrogram at 100 Hz and a chromagram at 25 Hz.

Everything else in `music` (beats, the default encoder) is worked out from this record, so a song is decoded once and
its samples are never held in memory: an hour costs about 35 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

SAMPLE_RATE = 24_000
FRAME_RATE = 100
"""Frames of the mel spectrogram a second; frame i is centred on second i / FRAME_RATE."""
COARSE = 4
"""Mel frames to one chroma frame."""
MEL_BANDS = 40
LOWEST_HZ, HIGHEST_HZ = 30.0, 11_000.0
FLOOR_DB = -100.0

_HOP = SAMPLE_RATE // FRAME_RATE
_SHORT, _LONG = 1024, 4096
_BATCH = 100  # chroma frames worked out at a time: fixed, so that results do not depend on how the sound was cut


@dataclass(frozen=True)
class Spectrum:
    """What is kept of the sound.

    Attributes:
        mel_db: (4 T', 40) float16, power of the mel bands in dB re full scale, at 100 Hz.
        chroma: (T', 12) float32, amplitude per pitch class from C, at 25 Hz, not normalised.
        samples: number of samples at 24 kHz that were read.
    """

    mel_db: np.ndarray
    chroma: np.ndarray
    samples: int

    @property
    def duration_s(self) -> float:
        """Length of the sound, exact to the sample."""
        return self.samples / SAMPLE_RATE

    @property
    def frames(self) -> int:
        """Frames at 25 Hz: ceil(duration_s * 25)."""
        return len(self.chroma)


class SpectrumStream:
    """The spectrum of mono sound at 24 kHz that comes in blocks of any length, `batch` chroma frames at a time.

    Attributes:
        samples: number of samples that came in.
        frames: number of chroma frames that were given out.
    """

    def __init__(self, batch: int = _BATCH) -> None:
        self.samples, self.frames, self._batch = 0, 0, batch
        self._pending = np.zeros(_LONG // 2, np.float32)
        self._step = batch * COARSE * _HOP
        self._need = self._step + _LONG  # the last window of a batch ends before this

    def push(self, block: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Take (n,) samples; yields `mel_db` (4 batch, 40) and `chroma` (batch, 12) of every batch that is complete."""
        self.samples += len(block)
        self._pending = np.concatenate([self._pending, np.asarray(block, np.float32)])
        while len(self._pending) >= self._need:
            yield self._next(self._batch)

    def flush(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What is left when no more samples come: as `push`, the last part shorter."""
        left = -(-self.samples // (COARSE * _HOP)) - self.frames
        while left > 0:
            self._pending = np.pad(self._pending, (0, max(self._need - len(self._pending), 0)))
            yield self._next(min(left, self._batch))
            left -= self._batch

    def _next(self, frames: int) -> tuple[np.ndarray, np.ndarray]:
        part = _batch_spectrum(self._pending[: self._need], self._batch)
        self._pending = self._pending[self._step :]
        self.frames += frames
        return part[0][: frames * COARSE].astype(np.float16), part[1][:frames]


def analyse_spectrum(blocks: Iterable[np.ndarray]) -> Spectrum:
    """Mel bands and chroma of mono sound at 24 kHz that comes in blocks of any length.

    Args:
        blocks: (n,) float32 arrays.

    Returns:
        The spectrum; with no samples at all, one of no frames.
    """
    stream = SpectrumStream()
    parts = [part for block in blocks for part in stream.push(block)]
    parts += stream.flush()
    if not parts:
        return Spectrum(np.zeros((0, MEL_BANDS), np.float16), np.zeros((0, 12), np.float32), 0)
    mel, chroma = zip(*parts, strict=True)
    return Spectrum(np.concatenate(mel), np.concatenate(chroma), stream.samples)


def array_blocks(audio: np.ndarray, size: int = 1 << 16) -> Iterator[np.ndarray]:
    """Views of a (N,) array, block by block."""
    for start in range(0, len(audio), size):
        yield audio[start : start + size]


def band_centres_hz() -> np.ndarray:
    """(40,) centre frequency of each mel band, Hz."""
    return _mel_edges()[1:-1]


def _batch_spectrum(sound: np.ndarray, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """`mel_db` (4 batch, 40) and `chroma` (batch, 12) of the sound of one batch."""
    short = _windows(sound[(_LONG - _SHORT) // 2 :], _SHORT, _HOP, batch * COARSE)
    power = _power(short) @ _mel_matrix()
    db = 10.0 * np.log10(np.maximum(power, 10.0 ** (FLOOR_DB / 10.0)))
    long = _windows(sound, _LONG, _HOP * COARSE, batch)
    return db, np.sqrt(_power(long)[:, : _chroma_matrix().shape[0]]) @ _chroma_matrix()


def _windows(sound: np.ndarray, size: int, hop: int, count: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(sound, size)[: count * hop : hop]


def _power(windows: np.ndarray) -> np.ndarray:
    window = _hann(windows.shape[1])
    spectrum = np.fft.rfft(windows * window, axis=1).astype(np.complex64, copy=False)
    return spectrum.real**2 + spectrum.imag**2


@cache
def _hann(size: int) -> np.ndarray:
    """Hann window scaled so that a full-scale sine has a power of 1 in its bin."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return (window * 2 / window.sum()).astype(np.float32)


def _mel_edges() -> np.ndarray:
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    mel = np.linspace(lowest, highest, MEL_BANDS + 2)
    return 700 * (10 ** (mel / 2595) - 1)


@cache
def _mel_matrix() -> np.ndarray:
    """(513, 40) triangular filters, each of peak 1."""
    edges = _mel_edges()
    bins = np.fft.rfftfreq(_SHORT, 1 / SAMPLE_RATE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(np.minimum(rising, falling), 0).astype(np.float32)


@cache
def _chroma_matrix() -> np.ndarray:
    """(bins, 12) folding of a 4096-point spectrum to pitch classes, between 100 Hz and 2.2 kHz, C first.

    Below 100 Hz a bin is wider than a semitone; a Gaussian in log-frequency lets the middle octaves count most.
    """
    frequency = np.fft.rfftfreq(_LONG, 1 / SAMPLE_RATE)
    frequency = frequency[frequency <= 2200]
    pitch = 12 * np.log2(np.maximum(frequency, 1) / 440) + 69
    distance = (pitch[:, None] - np.arange(12) + 6) % 12 - 6
    octave_weight = np.exp(-0.5 * ((pitch - 63) / 14) ** 2) * (frequency >= 100)
    return (np.exp(-0.5 * (distance / 0.45) ** 2) * octave_weight[:, None]).astype(np.float32)
