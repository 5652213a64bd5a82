"""Generate dances for a song (InfiniteDance section 3.4)."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from infinitedance_cli.config import to_dict
from infinitedance_cli.log import progress
from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.models.checkpoint import codebook_sha256
from infinitedance_cli.models.device import pick_device
from infinitedance_cli.models.generation import generate_codes
from infinitedance_cli.models.sampling import Sampler
from infinitedance_cli.motion.clip import Body, Labels, MotionClip, MusicTrack, Tokens
from infinitedance_cli.music.decode import AudioSource, source_name
from infinitedance_cli.music.features import encode_song, load_encoder
from infinitedance_cli.music.song import Song, analyse_song
from infinitedance_cli.stages.generate.conditions import Conditions, GenreChoice, SongFeatures, choose_genre
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.finish import FPS, decode_codes, finish

logger = logging.getLogger(__name__)


def generate(source: AudioSource, config: GenerateConfig) -> Iterator[MotionClip]:
    """Dances for a song, one per take, each as long as the song to within a frame.

    Raises:
        BadInput: the song cannot be read or holds no sound.
        UsageError: the genre is unknown.
        MissingResource: the model or the device is not there.
    """
    bundle, device = Bundle.named(config.model), pick_device(config.device)
    # The networks are so small that a second thread costs more than it brings.
    torch.set_num_threads(1)
    song = analyse_song(source, config.start, config.duration)
    frames = max(1, round(song.duration_s * FPS))
    stride = bundle.tokenizer.stride
    encoder = load_encoder()
    rows = encode_song(song, encoder).astype(np.float16)
    music = SongFeatures(rows, encoder.rate_hz, stride / FPS)
    total = math.ceil(frames / stride)
    genre = choose_genre(config.genre, bundle, music, total)
    logger.info(
        "%s: %.1f s, %s", source_name(source), song.duration_s, f"{song.rhythm.tempo_bpm:.0f} BPM" if len(song.rhythm.beats) else "no steady beat"
    )
    codes = _choreograph(bundle, music, genre, config, total, device)
    for take in range(config.takes):
        clip_id = _clip_id(source, config, take)
        clip = decode_codes(bundle.tokenizer, codes[take], frames, clip_id)
        clip = finish(clip, song.rhythm.beats, config.finish)
        yield _described(clip, song, source, genre, bundle, config, take, codes[take], music)


def _choreograph(
    bundle: Bundle,
    music: SongFeatures,
    genre: GenreChoice,
    config: GenerateConfig,
    total: int,
    device: torch.device,
) -> np.ndarray:
    """Codes (takes, total, Q) int16. A song shorter than a window is danced on a whole one and cut."""
    model = bundle.choreographer.to(device)
    steps = max(total, model.config.steps)
    sampler = Sampler(config.sampling, [config.seed + take for take in range(config.takes)])
    drawn = generate_codes(
        model,
        Conditions(bundle, music, genre, config, device),
        steps,
        sampler,
        takes=config.takes,
        guidance=config.guidance,
        kept=config.kept,
    )
    rows = [row.cpu().numpy().astype(np.int16) for row in progress(drawn, "dance", total=steps, unit="step")]
    return np.stack(rows, axis=1)[:, :total]


def _clip_id(source: AudioSource, config: GenerateConfig, take: int) -> str:
    stem = Path(source_name(source)).stem.strip("<>") or "song"
    return f"{stem}-{config.seed + take}"


def _described(
    clip: MotionClip,
    song: Song,
    source: AudioSource,
    genre: GenreChoice,
    bundle: Bundle,
    config: GenerateConfig,
    take: int,
    codes: np.ndarray,
    music: SongFeatures,
) -> MotionClip:
    """The clip with its music, labels, codes and provenance."""
    rhythm, info = song.rhythm, song.info
    tokenizer = bundle.tokenizer
    track = MusicTrack(
        sha256=info.sha256 if info else "",
        path=source_name(source),
        beats=rhythm.beats,
        downbeats=rhythm.downbeats,
        tempo_bpm=rhythm.tempo_bpm,
        features=np.asarray(music.rows, np.float16),
        rate_hz=music.rate_hz,
        encoder="spectral",
    )
    clip = replace(
        clip,
        body=Body("anny"),
        music=track,
        labels=Labels(genre.danced, genre.requested),
        tokens=Tokens(codes, tokenizer.stride, codebook_sha256(tokenizer.network.codebooks())),
    )
    return clip.with_provenance(
        "generate",
        config=to_dict(config),
        seed=config.seed + take,
        input_sha256=track.sha256,
        licences=list(bundle.licences),
    )
