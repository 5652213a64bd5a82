"""What all takes of one song share: the song as it was heard, the model, the genre, the settings."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli import plugins
from infinitedance_cli.config import to_dict
from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.models.device import pick_device
from infinitedance_cli.models.timeline import SAMPLES_PER_STEP
from infinitedance_cli.motion.clip import Body, Labels, MotionClip, MusicTrack, Tokens
from infinitedance_cli.music.features import DEFAULT_ENCODER, MusicEncoder, encode_song, load_encoder
from infinitedance_cli.music.song import analyse_song
from infinitedance_cli.music.sources import AudioSource, open_source, source_name
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.finish import FPS
from infinitedance_cli.stages.generate.genre import GenreChoice, choose_genre
from infinitedance_cli.stages.generate.retrieval import Music, SongFeatures

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Commission:
    """A model, settings, a genre and the music that is danced to, as far as it is known."""

    config: GenerateConfig
    bundle: Bundle
    device: torch.device
    music: Music
    genre: GenreChoice

    def seed(self, take: int) -> int:
        """Each take has the seed that it would have alone."""
        return self.config.seed + take

    def candidate_seeds(self, take: int, count: int) -> list[int]:
        """Seeds of the candidates of a take; other takes have others."""
        return [int(word) for word in np.random.SeedSequence(self.seed(take)).generate_state(count, np.uint32)]

    def name(self, song: str, take: int) -> str:
        """`song-0`: the song's file name and the seed."""
        return f"{Path(song).stem.strip('<>') or 'song'}-{self.seed(take)}"

    def described(self, clip: MotionClip, track: MusicTrack, take: int, codes: NDArray[np.int16]) -> MotionClip:
        """The clip with its music, labels, codes (S, Q) and provenance."""
        tokenizer = self.bundle.tokenizer
        clip = replace(
            clip,
            body=Body("anny"),
            music=track,
            labels=Labels(self.genre.danced, self.genre.requested),
            tokens=Tokens(codes, tokenizer.stride, tokenizer.codebook_sha256),
        )
        return clip.with_provenance(
            "generate",
            config=to_dict(self.config),
            seed=self.seed(take),
            input_sha256=track.sha256,
            licences=list(self.bundle.licences),
        )


@dataclass(frozen=True)
class Brief(Commission):
    """A whole song, a model and settings, ready to be danced.

    `track` is what the clips will know of the song, `music` the same features on the model's grid of steps.
    """

    track: MusicTrack
    frames: int

    @property
    def steps(self) -> int:
        """Steps of codes that cover all frames."""
        return math.ceil(self.frames / self.bundle.tokenizer.stride)

    def clip_id(self, take: int) -> str:
        """`song-0`: the song's file name and the seed."""
        return self.name(self.track.path, take)

    def describe(self, clip: MotionClip, take: int, codes: NDArray[np.int16]) -> MotionClip:
        """The clip with its music, labels, codes (S, Q) and provenance."""
        return self.described(clip, self.track, take, codes)


def make_brief(source: AudioSource, config: GenerateConfig, bundle: Bundle | None = None) -> Brief:
    """Load the model unless its `bundle` is given, hear the song, choose the genre.

    Raises:
        BadInput: the song cannot be read or holds no sound; parts of the model do not belong together.
        UsageError: the genre or the device is unknown.
        MissingResource: the model, its music encoder or the device is not there.
    """
    bundle, device = bundle or Bundle.named(config.model), pick_device(config.device)
    bundle.require_match()
    encoder = matching_encoder(bundle)
    with open_source(source) as readable:
        song = analyse_song(readable, config.start, config.duration)
        rows = encode_song(song, encoder).astype(np.float16)
    rhythm, info, name = song.rhythm, song.info, source_name(source)
    track = MusicTrack(
        sha256=info.sha256 if info else "",
        path=name,
        beats=rhythm.beats,
        downbeats=rhythm.downbeats,
        tempo_bpm=rhythm.tempo_bpm,
        features=rows,
        rate_hz=encoder.rate_hz,
        encoder=encoder.name,
    )
    beat = f"{rhythm.tempo_bpm:.0f} BPM" if len(rhythm.beats) else "no steady beat"
    logger.info("%s: %.1f s, %s", name, song.duration_s, beat)
    music = SongFeatures(rows, encoder.rate_hz, bundle.tokenizer.stride / FPS, rhythm.beats)
    frames = max(1, round(song.duration_s * FPS))
    genre = choose_genre(config.genre, bundle, music, math.ceil(frames / bundle.tokenizer.stride))
    return Brief(config, bundle, device, music, genre, track, frames)


def matching_encoder(bundle: Bundle) -> MusicEncoder:
    """The music encoder that the model was trained with; the default one where its file does not say.

    Raises MissingResource when it is not installed, BadInput when the model reads other values than it gives.
    """
    name = bundle.encoder or DEFAULT_ENCODER
    if name not in plugins.names("music"):
        raise MissingResource(
            f"model {bundle.folder}: it hears music through the encoder {name!r}, which is not installed; install the "
            "plug-in that brings it, or choose another model"
        )
    encoder = load_encoder(name)
    expected, found = bundle.choreographer.config.condition.music_dim, encoder.dimension * SAMPLES_PER_STEP
    if found != expected:
        raise BadInput(
            f"{bundle.path('choreographer')}: reads {expected} music values a step; the encoder {name} gives {found}; "
            "train it with this encoder"
        )
    return encoder
