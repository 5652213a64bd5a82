"""Dances by the published InfiniteDance model: of one song or of many, drawn side by side."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.ahead import ahead
from infinitedance_cli.config import to_dict
from infinitedance_cli.errors import BadInput, StageFailed
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

SongError = BadInput | StageFailed
"""Keeps one song from being danced, and leaves others alone."""


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

    @cached_property
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
        clip = decode_codes(tokenizer, codes, frames, dance_name(heard.name, seed))
        if self.settings.finish:
            clip = finish(clip, rhythm.beats, self.config.finish)
        else:  # as decoded: with the features themselves, which a body of fixed bones cannot follow exactly
            clip = with_decoded_features(with_relaxed_hands(clip), tokenizer, codes)
        track = MusicTrack(
            sha256=heard.song.info.sha256 if heard.song.info else "",
            path=heard.name,
            beats=rhythm.beats,
            downbeats=rhythm.downbeats,
            tempo_bpm=rhythm.tempo_bpm,
        )
        return described(clip, self.bundle, self.config, self.labels, track, codes, seed)


def dance_name(song: str, seed: int) -> str:
    """`song-0`: the song's file name and the seed."""
    return f"{Path(song).stem.strip('<>') or 'song'}-{seed}"


def described(
    clip: MotionClip,
    bundle: ReleasedBundle,
    config: GenerateConfig,
    labels: Labels,
    track: MusicTrack,
    codes: NDArray[np.int16],
    seed: int,
) -> MotionClip:
    """The clip with its music, labels, codes (S, 3) and provenance."""
    tokens = Tokens(codes, bundle.tokenizer.stride, bundle.tokenizer.codebook_sha256)
    details = {"config": to_dict(config), "seed": seed, "input_sha256": track.sha256, "licences": [LICENCE]}
    return replace(clip, labels=labels, tokens=tokens, music=track).with_provenance("generate", **details)


class ReleasedDancer:
    """The published model, loaded once for any number of songs.

    Dances of several songs and takes are drawn side by side, `released.batch_size` of them; the next song is heard
    meanwhile. Drawn beside others, sums are rounded otherwise than alone: codes that are as likely as each other to
    the last bit can fall either way.

    Raises:
        MissingResource: the model, MuQ, librosa or the device is not there.
        BadInput: a part of the model is damaged.
        UsageError: the device is unknown.
    """

    def __init__(self, folder: Path, config: GenerateConfig) -> None:
        self.config, self.bundle, self.device = config, ReleasedBundle(folder), pick_device(config.device)
        self._type = _float_type(config.released_settings.precision, self.device)
        if self._type is torch.float32:  # the convolutions of MuQ and of the tokeniser would keep ten bits of it
            torch.backends.cudnn.allow_tf32 = False

    @cached_property
    def encoder(self) -> MuQEncoder:
        """MuQ, read when it is first asked for."""
        encoder = cast(MuQEncoder, load_encoder("muq"))
        encoder.network.to(self.device)
        return encoder

    @cached_property
    def drawer(self) -> WindowDrawer:
        """The choreographer, read when it is first asked for."""
        self.bundle.tokenizer.to(self.device)
        model, settings = self.bundle.choreographer(self.device, self._type), self.config.released_settings
        return WindowDrawer(model, settings.sampling, compiled=settings.compiled)

    @cached_property
    def batch(self) -> int:
        """Dances that are drawn side by side."""
        wanted = self.config.released_settings.batch_size
        return batch_that_fits(self.drawer) if wanted == "auto" else wanted

    def load(self) -> ReleasedDancer:
        """Read all parts now."""
        assert self.encoder and self.batch
        return self

    def dance(self, sources: Iterable[AudioSource], *, once: bool = False) -> Iterator[list[MotionClip] | SongError]:
        """For each song in turn its dances, one per take with seeds that count up, or why it cannot be read.

        With `once`, for a single song, MuQ is let go of when it was heard, before the choreographer is read: both at a
        time take a gigabyte more.

        Raises:
            MissingResource: motion features of the release are not there.
            UsageError: the genre is unknown.
        """
        waiting: deque[_Waiting] = deque()
        songs = ahead(map(self._heard, sources), depth=1)
        first = next(songs, None)
        if once:
            del self.encoder

        def begun() -> Iterator[Dance]:
            for heard in chain(() if first is None else (first,), songs):
                waiting.append(_Waiting(heard))
                yield from waiting[-1].parts

        with progress_bar("dancing", None) as advance:
            for drawn in draw_dances(self.drawer, begun(), self.batch):
                next(song for song in waiting if drawn.dance in song.parts).parts[drawn.dance].append(drawn)
                advance(4 * len(drawn.codes))
                while waiting and waiting[0].ready:
                    yield waiting.popleft().result()
        for song in waiting:
            yield song.result()

    def _heard(self, source: AudioSource) -> _Task | SongError:
        try:
            heard, free = hear(source, self.config, self.encoder), self.config.released_settings.free_style
            return _Task(
                self.bundle,
                self.config,
                heard,
                *choose_style(self.config.genre, heard.name, heard.audio, self.bundle, free=free),
            )
        except (BadInput, StageFailed) as error:
            return error


class _Waiting:
    """A song whose dances are drawn: the `parts` of each as far as they are there."""

    def __init__(self, task: _Task | SongError) -> None:
        self.task = task
        self.parts: dict[Dance, list[Drawn]] = {} if isinstance(task, SongError) else {d: [] for d in task.dances}

    @property
    def ready(self) -> bool:
        """Whether all is drawn, or nothing will be."""
        return all(parts and parts[-1].last for parts in self.parts.values())

    def result(self) -> list[MotionClip] | SongError:
        """The dances, or what keeps the song from being danced."""
        if isinstance(self.task, SongError):
            return self.task
        drawn = {dance.seed: np.concatenate([part.codes for part in parts]) for dance, parts in self.parts.items()}
        return [self.task.clip(seed, codes) for seed, codes in drawn.items()]


def _float_type(precision: str, device: torch.device) -> torch.dtype:
    if precision == "auto":
        precision = "float32" if device.type == "cpu" else "bfloat16"
    return torch.float32 if precision == "float32" else torch.bfloat16
