"""A song as the published model hears it, and the style that it is danced in."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.models.choreographer_release import STYLES
from infinitedance_cli.models.released.bundle import ReleasedBundle
from infinitedance_cli.motion import genres
from infinitedance_cli.motion.clip import Labels
from infinitedance_cli.music.features import MusicEncoder, encode_song, load_encoder
from infinitedance_cli.music.released import SAMPLE_RATE, release_features, released_samples
from infinitedance_cli.music.song import Song, analyse_song
from infinitedance_cli.music.sources import AudioSource, open_source, source_name
from infinitedance_cli.stages.generate.config import AUTO, GenerateConfig
from infinitedance_cli.stages.generate.finish import FPS

if TYPE_CHECKING:
    from infinitedance_cli.music.encoders.muq import MuQEncoder

logger = logging.getLogger(__name__)

_DEFAULT_STYLE = STYLES.index("Popular")
_VOTES = 10

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Heard:
    """A song as the published model hears it: `muq` (M, 1024) at 25 Hz, `audio` (A, 55) at 30 fps."""

    song: Song
    name: str
    muq: FloatArray
    audio: FloatArray

    @property
    def frames(self) -> int:
        """Frames of the whole song at 30 fps."""
        return max(1, round(self.song.duration_s * FPS))


def hear(source: AudioSource, config: GenerateConfig) -> Heard:
    """Listen to a song: in a stream and in windows, or at once as the release does (`hear_in_windows`).

    Raises:
        BadInput: the song cannot be read.
        MissingResource: MuQ or librosa is not there.
    """
    encoder = load_encoder("muq")
    with open_source(source) as readable:
        song = analyse_song(readable, config.start, config.duration)
        audio = release_features(released_samples(song, SAMPLE_RATE))
        windowed = config.released_settings.hear_in_windows
        muq = encode_song(song, encoder) if windowed else _encoded_at_once(song, encoder)
    logger.info("%s: %.1f s, %.0f BPM", source_name(source), song.duration_s, song.rhythm.tempo_bpm)
    return Heard(song, source_name(source), muq, audio)


def _encoded_at_once(song: Song, encoder: MusicEncoder | MuQEncoder) -> FloatArray:
    """MuQ's rows as its own code gives them: every row attends to all others, and none is added at the end."""
    from infinitedance_cli.music.encoders._muq_network import SAMPLE_RATE as MUQ_RATE
    from infinitedance_cli.music.encoders.muq import MuQEncoder, encode_samples

    assert isinstance(encoder, MuQEncoder), "the plug-in muq is our own"
    return encode_samples(encoder.network, released_samples(song, MUQ_RATE), whole=True)


def choose_style(requested: str, heard: Heard, bundle: ReleasedBundle, *, free: bool) -> tuple[int, Labels]:
    """Which of the six styles is danced, and its labels.

    `free`: the class of the genre asked for, else what retrieval finds in the song. Otherwise as in the release: the
    style that the file's name holds, else the class of the genre asked for, else popular.
    """
    named = None if free else style_in(heard.name)
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
    style = _likeliest_style(heard, bundle)
    logger.info("genre: %s, by the dances that go with such music (--genre picks another)", genres.CLASSES[style])
    return style, Labels(genres.CLASSES[style], "")


def style_in(name: str) -> int | None:
    """The style whose word stands in a file's name, the first where there are several: one of the six, or a genre of
    one of them."""
    stem = Path(name).stem.lower()
    words = re.sub(r"[^a-z0-9]+", "-", stem)
    found = [(at, number) for number, style in enumerate(genres.CLASSES) if (at := stem.find(style)) >= 0]
    if not found:
        found = [
            (at, genres.CLASSES.index(genre.family))
            for genre in genres.GENRES.values()
            if (at := f"-{words}-".find(f"-{genre.name}-")) >= 0
        ]
    return min(found)[1] if found else None


def _likeliest_style(heard: Heard, bundle: ReleasedBundle) -> int:
    """The style of most of the dances that are nearest to the song's windows."""
    dances = bundle.dances
    votes = np.zeros(len(STYLES))
    for start in range(0, max(1, len(heard.audio) - 383), 384):
        likeness = dances.embeddings @ embed(bundle, tiled(heard.audio[start : start + 384], 384))
        best = np.argsort(-likeness)[:_VOTES]
        votes += np.bincount(dances.styles[best][dances.styles[best] >= 0], minlength=len(STYLES))
    return int(votes.argmax())


def embed(bundle: ReleasedBundle, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """RetrievalNet's unit vector (256,) of 55-d audio features (N ≤ 384, 55), as they are, not normalised."""
    with torch.inference_mode():
        vector: NDArray[np.float32] = bundle.retriever.embed_music(torch.from_numpy(audio)[None])[0].numpy()
    return vector


def tiled(rows: FloatArray, length: int) -> NDArray[np.float32]:
    """The first `length` rows, repeated from the first on where there are fewer."""
    return np.ascontiguousarray(rows[np.arange(length) % len(rows)], np.float32)
