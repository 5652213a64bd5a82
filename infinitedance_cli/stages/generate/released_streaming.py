"""`idance generate --stream` by the published model."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from infinitedance_cli.errors import UsageError
from infinitedance_cli.models.released.conditioner import Conditioner, WindowCondition
from infinitedance_cli.models.released.generation import WINDOW
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.music.encoders.muq import MuQEncoder
from infinitedance_cli.music.released import SAMPLE_RATE, release_features
from infinitedance_cli.music.song import Song
from infinitedance_cli.music.sources import AudioSource, open_live
from infinitedance_cli.stages.generate.finish import FPS
from infinitedance_cli.stages.generate.released import ReleasedDancer, dance_name, described
from infinitedance_cli.stages.generate.released_config import MENDS
from infinitedance_cli.stages.generate.released_song import (
    MUSIC_FRAMES,
    REFERENCE_FRAMES,
    choose_style,
    find_names,
    tiled,
)
from infinitedance_cli.stages.generate.streamed_config import StreamedConfig
from infinitedance_cli.stages.generate.streamed_dance import Codes, LiveSong, StreamedDance, digest_of

logger = logging.getLogger(__name__)

_STRIDE = 4


def stream_released(
    source: AudioSource, folder: Path, config: StreamedConfig, dancer: ReleasedDancer | None = None
) -> Iterator[MotionClip]:
    """The dance of a song in pieces; `dancer` is the model of `folder` where it is loaded already.

    MuQ and retrieval hear the song in windows, as it comes in, so the dance is another than that of the whole song.

    Raises:
        BadInput: the song cannot be read or holds no sound.
        UsageError: the genre or the device is unknown, or a defect of the release is asked for.
        MissingResource: the model, MuQ, librosa or the device is not there.
    """
    settings = config.released_settings
    for name in MENDS:
        if not getattr(settings, name):
            raise UsageError(f"--stream dances without the release's own way of released.{name}; leave one of them out")
    dancer = dancer or ReleasedDancer(folder, config)
    with open_live(source) as readable, digest_of(readable) as sha256, Conditioner(dancer.drawer.model) as conditioner:
        ears = Ears(dancer.encoder)
        song = LiveSong(readable, config, ears, _STRIDE, WINDOW)
        song.until(WINDOW)
        style, labels = choose_style(config.genre, song.name, ears.audio, dancer.bundle)
        name = dance_name(song.name, config.seed)
        dance = StreamedDance(
            song,
            name,
            dancer.bundle.tokenizer,
            config,
            lambda clip, track, codes: described(clip, dancer.bundle, config, labels, track, codes, config.seed),
            sha256,
            keep_features=False,
        )
        yield from dance.pieces(_Windows(song, ears, style, dancer, config).codes(conditioner))


@dataclass
class Ears:
    """MuQ, which also works out the audio features (A, 55) at 30 fps of what it hears, from second `start` on."""

    muq: MuQEncoder
    audio: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 55), np.float32))
    start: float = 0.0
    name: str = "muq"
    rate_hz: float = 25.0

    @property
    def dimension(self) -> int:
        """Columns of MuQ."""
        return self.muq.dimension

    def encode(self, song: Song) -> np.ndarray:
        """MuQ's rows (ceil(duration_s * 25), 1024)."""
        self.audio, self.start = release_features(np.concatenate(list(song.audio(SAMPLE_RATE)))), song.start
        return self.muq.encode(song)


@dataclass
class _Windows:
    """Codes window by window, each under what was heard of the song by then."""

    song: LiveSong
    ears: Ears
    style: int
    dancer: ReleasedDancer
    config: StreamedConfig

    def codes(self, conditioner: Conditioner) -> Iterator[Codes]:
        """Codes (Q,) of one step after the other, to the end of the song."""
        drawer, random = self.dancer.drawer, Generator().manual_seed(self.config.seed)
        kept, window, before = self.config.released_settings.kept, None, 0
        while True:
            total = self.song.until(2 * WINDOW - kept + before if window is not None else WINDOW)
            if window is not None and total <= before + WINDOW:
                return
            first = total - WINDOW  # as far on as may be; the last window ends with the song
            given = None if window is None else window[:, first - before :]
            prefix = conditioner.ready_row(conditioner.begin([partial(self._condition, first)]), 0)[None]
            parts: list[Tensor] = []
            for part in drawer.draw(prefix, given, [random], self.config.stream.piece_steps):
                parts.append(part)
                if given is None or len(parts) > 1:  # the first part is what was given
                    yield from part[0].cpu().numpy().astype(np.int16)
            window, before = torch.cat(parts, 1), first

    def _condition(self, first: int) -> WindowCondition:
        settings, bundle, heard = self.config.released_settings, self.dancer.bundle, self.song.listener
        row = first * 3 * 10 // 9 - heard.first_row
        row = max(0, min(row, len(heard.rows) - MUSIC_FRAMES))
        music = tiled(heard.rows[row : row + MUSIC_FRAMES], MUSIC_FRAMES)
        frame = _STRIDE * first - round(self.ears.start * FPS)
        frame = max(0, min(frame, len(self.ears.audio) - REFERENCE_FRAMES))
        names = find_names(bundle, self.ears.audio[frame : frame + REFERENCE_FRAMES], self.style)
        reference = bundle.dances.reference(names, settings.references, REFERENCE_FRAMES)
        return WindowCondition(torch.from_numpy(music), self.style, torch.from_numpy(reference))
