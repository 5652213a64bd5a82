"""Changing the sample rate, and mixing channels to one."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np

_CHUNK = 1 << 15  # samples handed to the resampler at a time: decoders give a few hundred


class MonoResampler:
    """Takes decoded frames of any form, gives mono blocks at one rate; the form may change on the way."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._form: tuple[str, str, int] | None = None
        self._fifo = av.AudioFifo()
        self._resampler: av.AudioResampler | None = None

    def push(self, frame: av.AudioFrame) -> Iterator[np.ndarray]:
        """(n,) float32 blocks, those that are ready."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            yield from self.flush()  # some recordings of radio change their form half-way
            self._form, self._fifo = form, av.AudioFifo()
            self._resampler = av.AudioResampler(format="fltp", rate=self._rate)
        frame.pts = None  # samples follow one another without gaps, whatever the time stamps say
        self._fifo.write(frame)
        while self._fifo.samples >= _CHUNK:
            yield from self._downmixed(self._fifo.read(_CHUNK))

    def flush(self) -> Iterator[np.ndarray]:
        """(n,) float32 blocks, all that is left."""
        if self._resampler is None:
            return
        rest = self._fifo.read(0, partial=True)
        if rest is not None:
            yield from self._downmixed(rest)
        yield from self._downmixed(None)
        self._resampler = None

    def _downmixed(self, frame: av.AudioFrame | None) -> Iterator[np.ndarray]:
        for resampled in self._resampler.resample(frame) if self._resampler is not None else ():
            channels = resampled.to_ndarray()
            yield channels[0] if len(channels) == 1 else channels.mean(axis=0, dtype=np.float32)


def resample(audio: np.ndarray, sample_rate: int, wanted: int) -> np.ndarray:
    """(N,) float32 mono samples at another rate; the same array if the rate is the same."""
    if sample_rate == wanted:
        return audio
    resampler = MonoResampler(wanted)
    parts: list[np.ndarray] = []
    for start in range(0, len(audio), _CHUNK):
        block = np.ascontiguousarray(audio[start : start + _CHUNK], np.float32)[None]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate = sample_rate
        parts.extend(resampler.push(frame))
    parts.extend(resampler.flush())
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
