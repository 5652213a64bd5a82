"""Dances by the published InfiniteDance model."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infinitedance_cli.config import to_dict
from infinitedance_cli.log import progress_bar
from infinitedance_cli.models.choreographer_release import STYLES
from infinitedance_cli.models.device import pick_device
from infinitedance_cli.models.released.bundle import LICENCE, ReleasedBundle
from infinitedance_cli.models.released.generation import Window, draw_windows, released_windows, seamless_windows
from infinitedance_cli.models.released.sampler import ReleasedSampler
from infinitedance_cli.motion import genres
from infinitedance_cli.motion.clip import Labels, MotionClip, MusicTrack, Tokens
from infinitedance_cli.music.features import encode_song, load_encoder
from infinitedance_cli.music.released import SAMPLE_RATE, release_features
from infinitedance_cli.music.song import Song, analyse_song
from infinitedance_cli.music.sources import AudioSource, open_source, source_name
from infinitedance_cli.stages.generate.config import AUTO, GenerateConfig
from infinitedance_cli.stages.generate.finish import FPS, decode_codes, finish, with_relaxed_hands
from infinitedance_cli.stages.generate.released_config import ReleasedConfig

logger = logging.getLogger(__name__)

_DEFAULT_STYLE = STYLES.index("Popular")
_OPENING_STEPS = 20
_CACHE_STRIDE = 192
_VOTES = 10

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class _Heard:
    """A song as the published model hears it: `muq` (M, 1024) at 25 Hz, `audio` (A, 55) at 30 fps."""

    song: Song
    name: str
    muq: FloatArray
    audio: FloatArray

    @property
    def frames(self) -> int:
        """Frames of the whole song at 30 fps."""
        return max(1, round(self.song.duration_s * FPS))


@dataclass(frozen=True)
class _Task:
    """A song, the model, settings and the style that is danced, ready to be danced."""

    bundle: ReleasedBundle
    config: GenerateConfig
    heard: _Heard
    style: int
    labels: Labels

    @property
    def settings(self) -> ReleasedConfig:
        """Of the published model."""
        return self.config.released_settings

    @property
    def seeds(self) -> list[int]:
        """One per take."""
        return [self.config.seed + take for take in range(self.config.takes)]

    def windows(self) -> list[Window]:
        """Windows over the song."""
        settings, heard = self.settings, self.heard
        if not settings.seamless:
            return released_windows(len(heard.muq))
        steps = math.ceil(heard.frames / 4) if settings.whole_song else len(heard.muq) * 9 // 10 // 3
        return seamless_windows(steps, settings.kept, opening=0 if settings.free_opening else _OPENING_STEPS)

    def clip(self, seed: int, codes: NDArray[np.int16], frames: int) -> MotionClip:
        """The dance of codes (S, 3), with its music, labels and provenance."""
        heard, tokenizer, rhythm = self.heard, self.bundle.tokenizer, self.heard.song.rhythm
        stem, sha256 = Path(heard.name).stem.strip("<>") or "song", heard.song.info.sha256 if heard.song.info else ""
        clip = decode_codes(tokenizer, codes, frames, f"{stem}-{seed}")
        clip = finish(clip, rhythm.beats, self.config.finish) if self.settings.finish else with_relaxed_hands(clip)
        clip = replace(
            clip,
            labels=self.labels,
            tokens=Tokens(codes, tokenizer.stride, tokenizer.codebook_sha256),
            music=MusicTrack(
                sha256=sha256,
                path=heard.name,
                beats=rhythm.beats,
                downbeats=rhythm.downbeats,
                tempo_bpm=rhythm.tempo_bpm,
            ),
        )
        details = {"config": to_dict(self.config), "seed": seed, "input_sha256": sha256, "licences": [LICENCE]}
        return clip.with_provenance("generate", **details)


def generate_released(source: AudioSource, folder: Path, config: GenerateConfig) -> Iterator[MotionClip]:
    """Dances of one song, one per take, drawn side by side; take k has the seed that it would have alone.

    Raises:
        BadInput: the song cannot be read; a part of the model is damaged.
        MissingResource: MuQ, librosa or the motion features of the release are not there.
        UsageError: the genre or the device is unknown.
    """
    device, bundle = pick_device(config.device), ReleasedBundle(folder)
    heard = _hear(source, config)
    task = _Task(bundle, config, heard, *_style(config.genre, heard, bundle))
    codes = _draw(task, device)
    frames = min(heard.frames, 4 * codes.shape[1]) if task.settings.whole_song else 4 * codes.shape[1]
    for take, seed in enumerate(task.seeds):
        yield task.clip(seed, codes[take, : math.ceil(frames / 4)], frames)


def _draw(task: _Task, device: torch.device) -> NDArray[np.int16]:
    """Codes (takes, S, 3) of all windows."""
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    model = task.bundle.choreographer(device, dtype)
    steps, size, seeds = model.config.steps, model.config.codebook_size, task.seeds
    sampler = ReleasedSampler(task.settings.sampling, seeds, layers=3, steps=steps, codes=size, device=device)
    conditions, windows = _Conditions(task), task.windows()

    @torch.inference_mode()
    def prefix_at(first: int) -> Tensor:
        music = torch.from_numpy(conditions.music(first)).to(device, dtype)[None]
        reference = torch.from_numpy(conditions.reference(first)).to(device, dtype)[None]
        return model.condition(music, torch.tensor([task.style], device=device), reference)

    parts, opening = [], conditions.opening(windows[0])
    with progress_bar("dancing", sum(steps - window.new for window in windows) * 4) as advance:
        for codes in draw_windows(model, windows, prefix_at, sampler, len(seeds), opening):
            parts.append(codes)
            advance(4 * codes.shape[1])
    return np.concatenate(parts, 1).astype(np.int16)


class _Conditions:
    """Music and reference of every window."""

    def __init__(self, task: _Task) -> None:
        self.bundle, self.heard, self.style, self.settings = task.bundle, task.heard, task.style, task.settings
        self._found: dict[int, list[str]] = {}

    def music(self, first: int) -> NDArray[np.float32]:
        """MuQ (320, 1024) of the window that begins with step `first`; short songs are repeated."""
        start = first * 3 * 10 // 9
        rows = self.heard.muq
        if self.settings.whole_song:
            start = max(0, min(start, len(rows) - 320))
        return tiled(rows[start : start + 320], 320)

    def reference(self, first: int) -> NDArray[np.float32]:
        """Blend (384, 264) of the dances that go with the window."""
        return self.bundle.dances.reference(self._names(first), self.settings.references, 384)

    def opening(self, window: Window) -> NDArray[np.int64] | None:
        """Codes that the first window copies; None where it begins freely."""
        return self.bundle.dances.opening(self._names(window.first), window.fed) if window.fed else None

    def _names(self, first: int) -> list[str]:
        if self.settings.steady_index:
            start = max(0, min(4 * first, len(self.heard.audio) - 384))
        else:
            # The released cache moves on by 192 frames of audio for every 320 of MuQ, half as fast as the dance.
            last = max(0, math.ceil((len(self.heard.audio) - 384) / _CACHE_STRIDE))
            start = _CACHE_STRIDE * min(first * 3 * 10 // 9 // 320, last)
        if start not in self._found:
            query = embed(self.bundle, tiled(self.heard.audio[start : start + 384], 384))
            self._found[start] = self.bundle.dances.search(query, self.style, 20)
        return self._found[start]


def embed(bundle: ReleasedBundle, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """RetrievalNet's unit vector (256,) of 55-d audio features (N ≤ 384, 55), as they are, not normalised."""
    with torch.inference_mode():
        vector: NDArray[np.float32] = bundle.retriever.embed_music(torch.from_numpy(audio)[None])[0].numpy()
    return vector


def tiled(rows: FloatArray, length: int) -> NDArray[np.float32]:
    """The first `length` rows, repeated from the first on where there are fewer."""
    return np.ascontiguousarray(rows[np.arange(length) % len(rows)], np.float32)


def _hear(source: AudioSource, config: GenerateConfig) -> _Heard:
    encoder = load_encoder("muq")
    with open_source(source) as readable:
        song = analyse_song(readable, config.start, config.duration)
        muq = encode_song(song, encoder)
        audio = release_features(np.concatenate(list(song.audio(SAMPLE_RATE))))
    logger.info("%s: %.1f s, %.0f BPM", source_name(source), song.duration_s, song.rhythm.tempo_bpm)
    return _Heard(song, source_name(source), muq, audio)


def _style(requested: str, heard: _Heard, bundle: ReleasedBundle) -> tuple[int, Labels]:
    """Which of the six styles is danced: the class of the genre asked for, else what retrieval finds in the song."""
    if requested != AUTO:
        genre = genres.canonical(requested)
        family = genres.GENRES[genre].family
        if family != genre:
            logger.warning("the published model knows six styles; dancing %s for %s", family, genre)
        return genres.CLASSES.index(family), Labels(family, genre)
    dances = bundle.dances
    if not dances.known_styles:
        return _DEFAULT_STYLE, Labels(genres.CLASSES[_DEFAULT_STYLE], "")
    votes = np.zeros(len(STYLES))
    for start in range(0, max(1, len(heard.audio) - 383), 384):
        likeness = dances.embeddings @ embed(bundle, tiled(heard.audio[start : start + 384], 384))
        best = np.argsort(-likeness)[:_VOTES]
        votes += np.bincount(dances.styles[best][dances.styles[best] >= 0], minlength=len(STYLES))
    style = int(votes.argmax())
    logger.info("genre: %s, by the dances that go with such music (--genre picks another)", genres.CLASSES[style])
    return style, Labels(genres.CLASSES[style], "")
