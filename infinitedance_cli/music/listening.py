"""A song as far as it was heard: features and beats of sound that is still coming in, in constant memory.

What is told of a moment stays told. It is worked out, by the same functions as for a whole song, from the last seconds
before it and a few after it. So levels are those of the last half minute and not of the song, the tempo may drift off
where the song pauses for long, and a beat that only the rest of the song explains is missed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from infinitedance_cli.music.beats import analyse_rhythm
from infinitedance_cli.music.features import MusicEncoder, encode_song
from infinitedance_cli.music.rhythm import Rhythm, no_rhythm
from infinitedance_cli.music.song import Song
from infinitedance_cli.music.spectrum import COARSE, FRAME_RATE, SAMPLE_RATE, Spectrum, SpectrumStream

_CHROMA_RATE = FRAME_RATE // COARSE


@dataclass(frozen=True)
class ListeningConfig:
    """Whole seconds `before` and `after` what is to be told that are listened to for it."""

    before: int = 24
    after: int = 3


class Listener:
    """A song that comes in as mono blocks at 24 kHz; `hear` takes as many as it needs.

    Attributes:
        told_s: seconds up to which features and beats are settled; whole, until the song ends.
        duration_s: length of the song; None as long as its end was not heard.
        rows: (T', D) float16, features from row `first_row` on; see `forget`.
        beats, downbeats: (B,), (D,) float64, seconds, those that were not forgotten.
        tempo_bpm: of the last half minute, 0 without a beat.
    """

    def __init__(
        self, blocks: Iterable[np.ndarray], encoder: MusicEncoder, config: ListeningConfig | None = None
    ) -> None:
        self.encoder, self.config = encoder, config or ListeningConfig()
        self.told_s = 0.0
        self.duration_s: float | None = None
        self.rows, self.first_row = np.zeros((0, encoder.dimension), np.float16), 0
        self.beats, self.downbeats, self.tempo_bpm = np.zeros(0), np.zeros(0), 0.0
        self._blocks = iter(blocks)
        self._sound = _Sound()

    def hear(self, until_s: float) -> None:
        """Listen until everything before `until_s` is told, or the song ends. Raises as its blocks do."""
        wanted = math.ceil(until_s - 1e-9)
        while self.told_s < wanted and self.duration_s is None:
            self._read(wanted + self.config.after)
            self._tell(wanted)

    def forget(self, before_s: float) -> None:
        """Let go of features and beats before `before_s`."""
        first = max(0, math.floor(before_s * self.encoder.rate_hz)) - self.first_row
        if first > 0:
            self.rows, self.first_row = self.rows[first:], self.first_row + first
            self.beats, self.downbeats = self.beats[self.beats >= before_s], self.downbeats[self.downbeats >= before_s]

    def _read(self, until_s: int) -> None:
        """Take blocks until the spectrum reaches `until_s`; notes the end of the song."""
        while self._sound.seconds < until_s:
            block = next(self._blocks, None)
            if block is None:
                self.duration_s = self._sound.finish()
                return
            self._sound.add(block)

    def _tell(self, until_s: int) -> None:
        """Work out features and beats up to `until_s`, to the end of a song that was heard out."""
        start = max(0, int(self.told_s) - self.config.before)
        self._sound.forget(start)
        stop = None if self.duration_s is not None else until_s + self.config.after
        song = self._sound.song(start, stop)
        told = self.told_s - start
        beats, downbeats = (marks[marks >= start] - start for marks in (self.beats, self.downbeats))
        rhythm = analyse_rhythm(song.spectrum, Rhythm(beats, downbeats, 0.0, 0.0, told))
        rows = encode_song(song.with_rhythm(rhythm), self.encoder).astype(np.float16)
        rate = self.encoder.rate_hz
        upto = float(until_s) if self.duration_s is None else math.inf
        first, last = (round(told * rate), None if stop is None else round((until_s - start) * rate))
        self.rows = np.concatenate([self.rows, rows[first:last]])
        self.beats = _extended(self.beats, rhythm.beats + start, upto)
        self.downbeats = _extended(self.downbeats, rhythm.downbeats + start, upto)
        self.tempo_bpm, self.told_s = rhythm.tempo_bpm, upto


def _extended(told: np.ndarray, found: np.ndarray, until_s: float) -> np.ndarray:
    """The told marks and those found after the last of them (0.1 s: rounding apart, the same are found again)."""
    last = told[-1] + 0.1 if len(told) else -1.0
    return np.concatenate([told, found[(found > last) & (found < until_s)]])


class _Sound:
    """Samples and spectrum of the seconds that are still needed, from second `first` on."""

    def __init__(self) -> None:
        self.first = 0
        self._stream = SpectrumStream(batch=_CHROMA_RATE)
        self._samples: list[np.ndarray] = []
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []

    @property
    def seconds(self) -> int:
        """Whole seconds whose spectrum is known."""
        return self.first + len(self._parts)

    def add(self, block: np.ndarray) -> None:
        """Take (n,) samples."""
        self._samples.append(block)
        self._parts += self._stream.push(block)

    def finish(self) -> float:
        """No more samples come; gives their length in seconds, exact."""
        self._parts += self._stream.flush()
        return self._stream.samples / SAMPLE_RATE

    def forget(self, before_s: int) -> None:
        """Let go of what comes before a second."""
        gone = before_s - self.first
        if gone > 0:
            self._samples = [np.concatenate(self._samples)[gone * SAMPLE_RATE :]]
            self._parts, self.first = self._parts[gone:], before_s

    def song(self, start: int, stop: int | None) -> Song:
        """The seconds from `start` to `stop`, or to the end, without a rhythm."""
        parts = self._parts[start - self.first : None if stop is None else stop - self.first]
        held = np.concatenate(self._samples) if self._samples else np.zeros(0, np.float32)
        samples = held[(start - self.first) * SAMPLE_RATE :]
        samples = samples if stop is None else samples[: (stop - start) * SAMPLE_RATE]
        mel, chroma = (np.concatenate(part) for part in zip(*parts, strict=True))
        spectrum = Spectrum(mel, chroma, len(samples))
        return Song(None, float(start), spectrum.duration_s, spectrum, no_rhythm(spectrum.duration_s), samples)
