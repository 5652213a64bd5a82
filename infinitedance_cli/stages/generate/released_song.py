"""A song as the published model is told of it: music, style, and the dances that are retrieved for every window."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.models.choreographer_release import STYLES
from infinitedance_cli.models.released.bundle import ReleasedBundle
from infinitedance_cli.models.released.conditioner import WindowCondition
from infinitedance_cli.motion import genres
from infinitedance_cli.motion.clip import Labels
from infinitedance_cli.music.encoders.muq import MuQEncoder, encode_samples
from infinitedance_cli.music.features import encode_song
from infinitedance_cli.music.released import SAMPLE_RATE, release_features, released_samples
from infinitedance_cli.music.song import Song, analyse_song
from infinitedance_cli.music.sources import AudioSource, open_source, source_name
from infinitedance_cli.stages.generate.config import AUTO, GenerateConfig
from infinitedance_cli.stages.generate.finish import FPS
from infinitedance_cli.stages.generate.released_config import ReleasedConfig

logger = logging.getLogger(__name__)

_DEFAULT_STYLE = STYLES.index("Popular")
MUSIC_FRAMES, REFERENCE_FRAMES = 320, 384
"""Rows of MuQ, and frames of audio features and of references, that a window has."""
_CACHE_STRIDE = 192
_MUQ_SAMPLE_RATE = 24_000
_RETRIEVED = 20
_VOTES = 10

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class HeardSong:
    """A song as the published model hears it: `muq` (M, 1024) at 25 Hz, `audio` (A, 55) at 30 fps."""

    song: Song
    name: str
    muq: FloatArray
    audio: FloatArray

    @property
    def frames(self) -> int:
        """Frames of the whole song at 30 fps."""
        return max(1, round(self.song.duration_s * FPS))

    def steps(self, whole: bool) -> int:
        """Steps that a dance of the whole song takes; of what the release counts, nine tokens for ten rows of MuQ."""
        return math.ceil(self.frames / 4) if whole else max(len(self.muq), MUSIC_FRAMES) * 9 // 10 // 3


def hear(source: AudioSource, config: GenerateConfig, encoder: MuQEncoder) -> HeardSong:
    """Decode a song and work out what the model is told of it: MuQ hears it in windows, or as in the release at once
    (`hear_in_windows`).

    Raises:
        BadInput: the song cannot be read.
        MissingResource: librosa is not there.
    """
    with open_source(source) as readable:
        song = analyse_song(readable, config.start, config.duration)
        if config.released_settings.hear_in_windows:
            muq = encode_song(song, encoder)
        else:
            muq = encode_samples(encoder.network, released_samples(song, _MUQ_SAMPLE_RATE), whole=True)
        audio = release_features(released_samples(song, SAMPLE_RATE))
    logger.info("%s: %.1f s, %.0f BPM", source_name(source), song.duration_s, song.rhythm.tempo_bpm)
    return HeardSong(song, source_name(source), muq, audio)


class SongConditions:
    """Music and reference of every window of one song."""

    def __init__(self, bundle: ReleasedBundle, heard: HeardSong, style: int, settings: ReleasedConfig) -> None:
        self.bundle, self.heard, self.style, self.settings = bundle, heard, style, settings
        self._names = lru_cache(maxsize=None)(self._search)
        # The takes of a song share its windows.
        self.of_window = lru_cache(maxsize=2)(self._condition)

    def _condition(self, first: int) -> WindowCondition:
        """What the window that begins with step `first` is told."""
        music, reference = torch.from_numpy(self.music(first)), torch.from_numpy(self.reference(first))
        return WindowCondition(music, self.style, reference)

    def music(self, first: int) -> NDArray[np.float32]:
        """MuQ (320, 1024) of the window that begins with step `first`; short songs are repeated."""
        start = first * 3 * 10 // 9
        rows = self.heard.muq
        if self.settings.whole_song:
            start = max(0, min(start, len(rows) - MUSIC_FRAMES))
        return tiled(rows[start : start + MUSIC_FRAMES], MUSIC_FRAMES)

    def reference(self, first: int) -> NDArray[np.float32]:
        """Blend (384, 264) of the dances that go with the window."""
        return self.bundle.dances.reference(self._names(self._start(first)), self.settings.references, REFERENCE_FRAMES)

    def opening(self, steps: int) -> NDArray[np.int64] | None:
        """Codes (steps, 3) of a dance that goes with the beginning of the song; None where no codes are there."""
        return self.bundle.dances.opening(self._names(self._start(0))[: self.settings.references], steps)

    def _start(self, first: int) -> int:
        """First row of audio features that dances are retrieved for, for the window that begins with step `first`."""
        if self.settings.steady_index:
            return max(0, min(4 * first, len(self.heard.audio) - REFERENCE_FRAMES))
        # The released cache moves on by 192 frames of audio for every 320 of MuQ, half as fast as the dance.
        last = max(0, math.ceil((len(self.heard.audio) - REFERENCE_FRAMES) / _CACHE_STRIDE))
        return _CACHE_STRIDE * min(first * 3 * 10 // 9 // MUSIC_FRAMES, last)

    def _search(self, start: int) -> list[str]:
        return find_names(self.bundle, self.heard.audio[start : start + REFERENCE_FRAMES], self.style)


def find_names(bundle: ReleasedBundle, audio: NDArray[np.float32], style: int) -> list[str]:
    """The dances of a style that go best with audio features (N ≤ 384, 55), repeated where there are fewer."""
    return bundle.dances.search(embed(bundle, tiled(audio, REFERENCE_FRAMES)), style, _RETRIEVED)


def embed(bundle: ReleasedBundle, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """RetrievalNet's unit vector (256,) of 55-d audio features (N ≤ 384, 55), as they are, not normalised."""
    with torch.inference_mode():
        vector: NDArray[np.float32] = bundle.retriever.embed_music(torch.from_numpy(audio)[None])[0].numpy()
    return vector


def tiled(rows: FloatArray, length: int) -> NDArray[np.float32]:
    """The first `length` rows, repeated from the first on where there are fewer."""
    return np.ascontiguousarray(rows[np.arange(length) % len(rows)], np.float32)


def choose_style(
    requested: str, name: str, audio: FloatArray, bundle: ReleasedBundle, *, free: bool = True
) -> tuple[int, Labels]:
    """Which of the six styles is danced to a song called `name` with audio features (A, 55): the class of the genre
    asked for, else what retrieval finds in it.

    Not `free`, as in the release: the style that the file's name says, else the class of the genre asked for, else
    popular.
    """
    named = None if free else style_in(name)
    if named is not None:
        logger.info("genre: %s, by the name of the file", genres.CLASSES[named])
        return named, Labels(genres.CLASSES[named], "" if requested == AUTO else genres.canonical(requested))
    if requested != AUTO:
        genre = genres.canonical(requested)
        family = genres.GENRES[genre].family
        if family not in (genre, requested.lower()):
            logger.warning("the published model knows six styles; dancing %s for %s", family, genre)
        return genres.CLASSES.index(family), Labels(family, genre)
    if not free or not bundle.dances.known_styles:
        return _DEFAULT_STYLE, Labels(genres.CLASSES[_DEFAULT_STYLE], "")
    style = _likeliest_style(audio, bundle)
    logger.info("genre: %s, by the dances that go with such music (--genre picks another)", genres.CLASSES[style])
    return style, Labels(genres.CLASSES[style], "")


def style_in(name: str) -> int | None:
    """The style that a file's name says first: one of the six anywhere in it, else a genre of one that is a word."""
    stem = Path(name).stem.lower()
    found = [(stem.find(style), number) for number, style in enumerate(genres.CLASSES) if style in stem]
    if not found:
        words = "-" + re.sub(r"[^a-z0-9]+", "-", stem) + "-"
        found = [
            (words.find(f"-{genre.name}-"), genres.CLASSES.index(genre.family))
            for genre in genres.GENRES.values()
            if f"-{genre.name}-" in words
        ]
    return min(found)[1] if found else None


def _likeliest_style(audio: FloatArray, bundle: ReleasedBundle) -> int:
    """The style of most of the dances that are nearest to the windows of a song."""
    dances = bundle.dances
    votes = np.zeros(len(STYLES))
    for start in range(0, max(1, len(audio) - REFERENCE_FRAMES + 1), REFERENCE_FRAMES):
        likeness = dances.embeddings @ embed(bundle, tiled(audio[start : start + REFERENCE_FRAMES], REFERENCE_FRAMES))
        best = np.argsort(-likeness)[:_VOTES]
        votes += np.bincount(dances.styles[best][dances.styles[best] >= 0], minlength=len(STYLES))
    return int(votes.argmax())
