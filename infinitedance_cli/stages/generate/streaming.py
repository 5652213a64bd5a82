"""`idance generate --stream`: a dance that leaves in pieces while its song is still coming in."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import UsageError
from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.models.bundle_files import is_released
from infinitedance_cli.models.device import pick_device
from infinitedance_cli.motion.clip import MotionClip, MusicTrack
from infinitedance_cli.motion.sequence import Reel
from infinitedance_cli.music.decode import stream_live_audio
from infinitedance_cli.music.listening import Listener
from infinitedance_cli.music.sources import AudioSource, LiveSource, file_sha256, open_live
from infinitedance_cli.music.spectrum import SAMPLE_RATE
from infinitedance_cli.stages.generate.brief import Commission, matching_encoder
from infinitedance_cli.stages.generate.conditions import Conditions
from infinitedance_cli.stages.generate.drawing import draw_codes
from infinitedance_cli.stages.generate.finish import FPS
from infinitedance_cli.stages.generate.genre import choose_genre
from infinitedance_cli.stages.generate.model_folder import model_folder
from infinitedance_cli.stages.generate.motion_stream import MotionStream
from infinitedance_cli.stages.generate.retrieval import SongFeatures
from infinitedance_cli.stages.generate.stage import spare_threads
from infinitedance_cli.stages.generate.streamed_config import StreamedConfig
from infinitedance_cli.stream.dance_pieces import Piece, marked

logger = logging.getLogger(__name__)


def stream_dance(source: AudioSource, config: StreamedConfig, bundle: Bundle | None = None) -> Iterator[MotionClip]:
    """The dance of a song in pieces, as long together as the song to within a frame.

    The song is read as it comes, up to a window of the model and a few seconds beyond what is danced; nothing is kept.
    `bundle` is the model that `config` names, where it is loaded already.

    Raises:
        BadInput: the song cannot be read or holds no sound; parts of the model do not belong together.
        UsageError: the genre or the device is unknown, or the model cannot dance in pieces.
        MissingResource: the model, its music encoder or the device is not there.
    """
    device = pick_device(config.device)
    bundle = load_bundle(config.model) if bundle is None else bundle
    spare_threads(bundle)
    bundle.choreographer.to(device)
    with open_live(source) as readable, _digest(readable) as sha256:
        song = _HeardSong(readable, config, bundle)
        song.until(bundle.choreographer.config.steps)
        genre = choose_genre(config.genre, bundle, song, bundle.index.window_steps)
        commission = Commission(config, bundle, device, song, genre)
        tempo = song.listener.tempo_bpm
        logger.info("%s: dancing as it comes in, %s", song.name, f"{tempo:.0f} BPM" if tempo else "no steady beat")
        yield from _Dance(commission, song, config, sha256).pieces()


def load_bundle(name: str) -> Bundle:
    """The model `name`, checked; raises as `stream_dance`."""
    if is_released(model_folder(name)):
        raise UsageError("--stream dances with the starter and with models of your own; leave it out for this model")
    bundle = Bundle.named(name)
    bundle.require_match()
    return bundle


class _HeardSong:
    """A song on the model's grid of steps, as far as it was heard; it is listened to as far as is asked for."""

    def __init__(self, source: AudioSource | LiveSource, config: StreamedConfig, bundle: Bundle) -> None:
        self.name = source.name if isinstance(source, LiveSource) else str(source)
        blocks = stream_live_audio(source, SAMPLE_RATE, config.start, config.duration)
        self.listener = Listener(blocks, matching_encoder(bundle), config.stream.listening)
        self.stride, self.window = bundle.tokenizer.stride, bundle.choreographer.config.steps

    @property
    def beats(self) -> NDArray[np.float64]:
        """Beats (B,), seconds, that are known and not forgotten."""
        return self.listener.beats

    @property
    def frames(self) -> int:
        """Frames of the whole song, which was heard out."""
        assert self.listener.duration_s is not None, "the song goes on"
        return max(1, round(self.listener.duration_s * FPS))

    def steps(self, first: int, count: int) -> NDArray[np.float32]:
        """Music (count, M) of the steps from `first` on."""
        heard, step_s = self.listener, self.stride / FPS
        self.listener.hear((first + count) * step_s)
        rows = SongFeatures(heard.rows, heard.encoder.rate_hz, step_s, heard.beats, heard.first_row)
        return rows.steps(first, count)

    def until(self, steps: int) -> int:
        """`models.generation.Until`: the steps that cover the song, a whole window at least, up to `steps`."""
        self.listener.hear(steps * self.stride / FPS)
        if self.listener.duration_s is None:
            return steps
        return min(steps, max(math.ceil(self.frames / self.stride), self.window))


@dataclass
class _Dance:
    """One dance on its way: codes are drawn, become motion, and leave as pieces with what is known of their music."""

    commission: Commission
    song: _HeardSong
    config: StreamedConfig
    sha256: _Digest

    def __post_init__(self) -> None:
        self.name = self.commission.name(self.song.name, 0)
        self.length = self.config.stream.piece_steps * self.song.stride
        self._codes: list[NDArray[np.int16]] = []

    def pieces(self) -> Iterator[MotionClip]:
        """The dance, piece by piece."""
        bundle, settings = self.commission.bundle, self.config.stream
        stream = MotionStream(
            bundle.tokenizer,
            self.config.finish,
            settings.overlap,
            lambda: self.song.beats * FPS,
            lambda: self.song.frames,
            self.name,
        )
        reel, number = Reel(), 0
        for part in stream.motion(self._drawn()):
            reel.add(part)
            while reel.stop > (number + 1) * self.length:  # so there is one after it
                yield self._piece(reel, number, last=False)
                number += 1
        yield self._piece(reel, number, last=True)

    def _drawn(self) -> Iterator[NDArray[np.int16]]:
        """Codes (1, Q) of every step that the song has."""
        conditions = Conditions(self.commission)
        for step, row in enumerate(draw_codes(self.commission, conditions, 0, self.song.until)):
            if self.song.listener.duration_s is not None and step * self.song.stride >= self.song.frames:
                return
            self._codes.append(row)
            yield row[None]

    def _piece(self, reel: Reel, number: int, *, last: bool) -> MotionClip:
        first = number * self.length
        stop = reel.stop if last else first + self.length
        steps = len(self._codes) if last else self.config.stream.piece_steps
        codes, self._codes = np.stack(self._codes[:steps]), self._codes[steps:]
        track = self._track(first, None if last else stop)
        clip = self.commission.described(reel.frames(first, stop), track, 0, codes)
        reel.forget(stop)
        # Windows of the model begin up to a window before what has left.
        self.song.listener.forget((stop - self.song.window * self.song.stride) / FPS)
        return marked(clip, Piece(self.name, number, first, last))

    def _track(self, first: int, stop: int | None) -> MusicTrack:
        """What is known of the song between two frames, or to its end, in the times of the dance."""
        heard = self.song.listener
        start_s, stop_s = first / FPS, math.inf if stop is None else stop / FPS
        rate, offset = heard.encoder.rate_hz, heard.first_row
        rows = slice(round(start_s * rate) - offset, None if stop is None else round(stop_s * rate) - offset)
        beats, downbeats = (marks[(marks >= start_s) & (marks < stop_s)] for marks in (heard.beats, heard.downbeats))
        return MusicTrack(
            sha256=self.sha256.told(last=stop is None),
            path=self.song.name,
            beats=beats,
            downbeats=downbeats,
            tempo_bpm=heard.tempo_bpm,
            features=heard.rows[rows],
            rate_hz=rate,
            encoder=heard.encoder.name,
        )


class _Digest:
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
def _digest(source: AudioSource | LiveSource) -> Iterator[_Digest]:
    with ThreadPoolExecutor(1) as threads:
        yield _Digest(source, threads)
