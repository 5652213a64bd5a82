"""A dance that leaves in pieces: codes become motion, and leave with what is known of their music."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import MotionClip, MusicTrack
from infinitedance_cli.motion.sequence import Reel
from infinitedance_cli.music.decode import stream_live_audio
from infinitedance_cli.music.features import MusicEncoder
from infinitedance_cli.music.listening import Listener
from infinitedance_cli.music.sources import AudioSource, LiveSource, file_sha256
from infinitedance_cli.music.spectrum import SAMPLE_RATE
from infinitedance_cli.stages.generate.finish import FPS
from infinitedance_cli.stages.generate.motion_stream import MotionStream
from infinitedance_cli.stages.generate.streamed_config import StreamedConfig
from infinitedance_cli.stream.dance_pieces import Piece, marked

Codes = NDArray[np.int16]


class LiveSong:
    """A song as far as it was heard; it is listened to as far as is asked for.

    Args:
        source: where it comes from.
        config: how it is listened to.
        encoder: what the model hears it through.
        stride: frames of a step of the model.
        window: steps that the model looks at.
    """

    def __init__(
        self, source: AudioSource | LiveSource, config: StreamedConfig, encoder: MusicEncoder, stride: int, window: int
    ) -> None:
        self.name = source.name if isinstance(source, LiveSource) else str(source)
        blocks = stream_live_audio(source, SAMPLE_RATE, config.start, config.duration)
        self.listener = Listener(blocks, encoder, config.stream.listening)
        self.stride, self.window = stride, window

    @property
    def beats(self) -> NDArray[np.float64]:
        """Beats (B,), seconds, that are known and not forgotten."""
        return self.listener.beats

    @property
    def ended(self) -> bool:
        """Whether the song was heard out."""
        return self.listener.duration_s is not None

    @property
    def frames(self) -> int:
        """Frames of the whole song, which was heard out."""
        assert self.listener.duration_s is not None, "the song goes on"
        return max(1, round(self.listener.duration_s * FPS))

    def until(self, steps: int) -> int:
        """`models.generation.Until`: the steps that cover the song, a whole window at least, up to `steps`."""
        self.listener.hear(steps * self.stride / FPS)
        if not self.ended:
            return steps
        return min(steps, max(math.ceil(self.frames / self.stride), self.window))


@dataclass
class StreamedDance:
    """One dance on its way.

    name: of the dance, in the names of its pieces.
    describe: adds to a clip its music, labels, codes and provenance.
    keep_features: whether pieces carry the features of their music.
    """

    song: LiveSong
    name: str
    tokenizer: Tokenizer
    config: StreamedConfig
    describe: Callable[[MotionClip, MusicTrack, Codes], MotionClip]
    sha256: Digest
    keep_features: bool = True
    _codes: list[Codes] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Frames of a piece."""
        return self.config.stream.piece_steps * self.song.stride

    def pieces(self, drawn: Iterator[Codes]) -> Iterator[MotionClip]:
        """The dance of codes (Q,) of one step after the other, piece by piece."""
        stream = MotionStream(
            self.tokenizer,
            self.config.finish,
            self.config.stream.overlap,
            lambda: self.song.beats * FPS,
            lambda: self.song.frames,
            self.name,
        )
        reel, number = Reel(), 0
        for part in stream.motion(self._noted(drawn)):
            reel.add(part)
            while reel.stop > (number + 1) * self.length:  # so there is one after it
                yield self._piece(reel, number, last=False)
                number += 1
        yield self._piece(reel, number, last=True)

    def _noted(self, drawn: Iterator[Codes]) -> Iterator[Codes]:
        """Codes (1, Q) of every step that the song has."""
        for step, row in enumerate(drawn):
            if self.song.ended and step * self.song.stride >= self.song.frames:
                return
            self._codes.append(row)
            yield row[None]

    def _piece(self, reel: Reel, number: int, *, last: bool) -> MotionClip:
        first = number * self.length
        stop = reel.stop if last else first + self.length
        steps = len(self._codes) if last else self.config.stream.piece_steps
        codes, self._codes = np.stack(self._codes[:steps]), self._codes[steps:]
        clip = self.describe(reel.frames(first, stop), self._track(first, None if last else stop), codes)
        reel.forget(stop)
        # Windows of the model begin up to a window before what has left.
        self.song.listener.forget((stop - self.song.window * self.song.stride) / FPS)
        return marked(clip, Piece(self.name, number, first, last))

    def _track(self, first: int, stop: int | None) -> MusicTrack:
        """What is known of the song between two frames, or to its end, in the times of the dance."""
        heard = self.song.listener
        start_s, stop_s = first / FPS, math.inf if stop is None else stop / FPS
        beats, downbeats = (marks[(marks >= start_s) & (marks < stop_s)] for marks in (heard.beats, heard.downbeats))
        track = MusicTrack(
            sha256=self.sha256.told(last=stop is None),
            path=self.song.name,
            beats=beats,
            downbeats=downbeats,
            tempo_bpm=heard.tempo_bpm,
        )
        if not self.keep_features:
            return track
        rate, offset = heard.encoder.rate_hz, heard.first_row
        rows = slice(round(start_s * rate) - offset, None if stop is None else round(stop_s * rate) - offset)
        return replace(track, features=heard.rows[rows], rate_hz=rate, encoder=heard.encoder.name)


class Digest:
    """SHA-256 of the song: a file is read for it beside the dancing; of a pipe only the last piece can tell it."""

    def __init__(self, source: AudioSource | LiveSource, threads: ThreadPoolExecutor) -> None:
        self._live = source if isinstance(source, LiveSource) else None
        self._found = None if isinstance(source, LiveSource) else threads.submit(file_sha256, source)

    def told(self, *, last: bool) -> str:
        """The digest; empty where it is not known yet."""
        if self._found is not None:
            return self._found.result()
        return self._live.sha256() if last and self._live is not None else ""


@contextmanager
def digest_of(source: AudioSource | LiveSource) -> Iterator[Digest]:
    """The digest of a song, worked out in another thread."""
    with ThreadPoolExecutor(1) as threads:
        yield Digest(source, threads)
