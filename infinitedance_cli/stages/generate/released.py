"""Dances by the published InfiniteDance model: of one song or of many, drawn side by side."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.ahead import ahead
from infinitedance_cli.config import to_dict
from infinitedance_cli.log import progress_bar
from infinitedance_cli.models.device import pick_device
from infinitedance_cli.models.released.bundle import LICENCE, ReleasedBundle
from infinitedance_cli.models.released.drawer import WindowDrawer
from infinitedance_cli.models.released.generation import Dance, Drawn, Window, draw_dances, song_windows
from infinitedance_cli.models.released.memory import batch_that_fits
from infinitedance_cli.motion.clip import Labels, MotionClip, MusicTrack, Tokens
from infinitedance_cli.music.encoders.muq import MuQEncoder
from infinitedance_cli.music.features import load_encoder
from infinitedance_cli.music.sources import AudioSource
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.finish import decode_codes, finish, with_decoded_features, with_relaxed_hands
from infinitedance_cli.stages.generate.released_config import ReleasedConfig
from infinitedance_cli.stages.generate.released_song import HeardSong, SongConditions, choose_style, hear

logger = logging.getLogger(__name__)

_OPENING_STEPS = 20


@dataclass(frozen=True)
class _Task:
    """A song, the model, settings and the style that is danced."""

    bundle: ReleasedBundle
    config: GenerateConfig
    heard: HeardSong
    style: int
    labels: Labels

    @property
    def settings(self) -> ReleasedConfig:
        """Of the published model."""
        return self.config.released_settings

    def windows(self) -> list[Window]:
        """Windows over the song."""
        settings, steps = self.settings, self.heard.steps(self.settings.whole_song)
        opening = 0 if settings.free_opening else _OPENING_STEPS
        return song_windows(
            steps, whole=settings.whole_song, seamless=settings.seamless, kept=settings.kept, opening=opening
        )

    def dances(self) -> list[Dance]:
        """What is to be drawn, one for each take."""
        conditions, windows = SongConditions(self.bundle, self.heard, self.style, self.settings), self.windows()
        opening = conditions.opening(windows[0].fed) if windows[0].fed else None
        seeds = range(self.config.seed, self.config.seed + self.config.takes)
        return [Dance(windows, conditions.of_window, seed, opening) for seed in seeds]

    def clip(self, seed: int, drawn: NDArray[np.int64]) -> MotionClip:
        """The dance of drawn codes (S, 3), with its music, labels and provenance."""
        heard, tokenizer, rhythm = self.heard, self.bundle.tokenizer, self.heard.song.rhythm
        frames = min(heard.frames, 4 * len(drawn)) if self.settings.whole_song else 4 * len(drawn)
        codes = drawn[: math.ceil(frames / 4)].astype(np.int16)
        stem, sha256 = Path(heard.name).stem.strip("<>") or "song", heard.song.info.sha256 if heard.song.info else ""
        clip = decode_codes(tokenizer, codes, frames, f"{stem}-{seed}")
        if self.settings.finish:
            clip = finish(clip, rhythm.beats, self.config.finish)
        else:  # as decoded: with the features themselves, which a body of fixed bones cannot follow exactly
            clip = with_decoded_features(with_relaxed_hands(clip), tokenizer, codes)
        music = MusicTrack(
            sha256=sha256, path=heard.name, beats=rhythm.beats, downbeats=rhythm.downbeats, tempo_bpm=rhythm.tempo_bpm
        )
        tokens = Tokens(codes, tokenizer.stride, tokenizer.codebook_sha256)
        details = {"config": to_dict(self.config), "seed": seed, "input_sha256": sha256, "licences": [LICENCE]}
        return replace(clip, labels=self.labels, tokens=tokens, music=music).with_provenance("generate", **details)


def generate_released(sources: Iterable[AudioSource], folder: Path, config: GenerateConfig) -> Iterator[MotionClip]:
    """Dances of songs, one per take, in the order of the songs; take k has the seed that it would have alone.

    Dances of several songs and takes are drawn side by side, `released.batch` of them; the next song is heard
    meanwhile. Drawn beside others, sums are rounded otherwise than alone: codes that are as likely as each other to
    the last bit can fall either way.

    Raises:
        BadInput: a song cannot be read; a part of the model is damaged.
        MissingResource: MuQ, librosa or the motion features of the release are not there.
        UsageError: the genre or the device is unknown.
    """
    device, bundle = pick_device(config.device), ReleasedBundle(folder)
    encoder = cast(MuQEncoder, load_encoder("muq"))
    encoder.network.to(device)
    bundle.tokenizer.to(device)
    settings = config.released_settings
    kind = _float_type(settings.precision, device)
    if kind is torch.float32:  # the convolutions of MuQ and of the tokeniser would keep ten bits of it
        torch.backends.cudnn.allow_tf32 = False
    model = bundle.choreographer(device, kind)
    drawer = WindowDrawer(model, settings.sampling, compiled=settings.compiled)
    batch = settings.batch or batch_that_fits(drawer)
    tasks = (_task(source, bundle, config, encoder) for source in sources)
    yield from _in_order(drawer, ahead(tasks, depth=1), batch)


def _float_type(precision: str, device: torch.device) -> torch.dtype:
    if precision == "auto":
        precision = "float32" if device.type == "cpu" else "bfloat16"
    return torch.float32 if precision == "float32" else torch.bfloat16


def _task(source: AudioSource, bundle: ReleasedBundle, config: GenerateConfig, encoder: MuQEncoder) -> _Task:
    heard, free = hear(source, config, encoder), config.released_settings.free_style
    return _Task(bundle, config, heard, *choose_style(config.genre, heard, bundle, free=free))


def _in_order(drawer: WindowDrawer, tasks: Iterable[_Task], batch: int) -> Iterator[MotionClip]:
    """The clips of all dances, each as soon as those before it are there."""
    waiting: dict[Dance, tuple[_Task, list[Drawn]]] = {}

    def begun() -> Iterator[Dance]:
        for task in tasks:
            for dance in task.dances():
                waiting[dance] = task, []
                yield dance

    with progress_bar("dancing", None) as advance:
        for drawn in draw_dances(drawer, begun(), batch):
            waiting[drawn.dance][1].append(drawn)
            advance(4 * len(drawn.codes))
            while waiting:
                dance, (task, parts) = next(iter(waiting.items()))
                if not parts or not parts[-1].last:
                    break
                del waiting[dance]
                yield task.clip(dance.seed, np.concatenate([part.codes for part in parts]))
