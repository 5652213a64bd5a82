"""Songs whose features can be stretched onto any beat grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MusicTrack
from infinitedance_cli.music.compose import STYLE_NAMES, compose
from infinitedance_cli.music.encoders.spectral import LAYOUT, rhythm_columns
from infinitedance_cli.music.features import encode_song, load_encoder
from infinitedance_cli.music.rhythm import known_rhythm
from infinitedance_cli.music.song import Song, analyse_song, song_from_audio
from infinitedance_cli.music.spectrum import SAMPLE_RATE

_LEAST_CONFIDENCE = 0.3
_GREATEST_STRETCH = 1.35


@dataclass(frozen=True)
class BankedSong:
    """A song's `features` (T', D), its `beats` (B,) in seconds, and which of them are downbeats."""

    name: str
    features: NDArray[np.float32]
    beats: NDArray[np.float64]
    is_downbeat: NDArray[np.bool_]
    tempo_bpm: float
    meter: int


@dataclass(frozen=True)
class SongBank:
    """Analysed songs; `rate_hz` rows a second."""

    songs: tuple[BankedSong, ...]
    rate_hz: float
    encoder: str

    @classmethod
    def of(cls, songs: Iterable[tuple[str, Song]]) -> SongBank:
        """Encode named songs; those without a steady beat are left out. Raises BadInput when none is left."""
        encoder, banked = load_encoder(), []
        for name, song in songs:
            rhythm = song.rhythm
            if rhythm.confidence < _LEAST_CONFIDENCE or len(rhythm.beats) < 16:
                continue
            features = encode_song(song, encoder)
            downbeats = np.isin(rhythm.beats, rhythm.downbeats)
            banked.append(BankedSong(name, features, rhythm.beats, downbeats, rhythm.tempo_bpm, rhythm.meter))
        if not banked:
            raise BadInput("no song with a steady beat; the starter's music needs at least one")
        return cls(tuple(banked), encoder.rate_hz, encoder.name)

    def on_grid(
        self, beats_s: NDArray[np.float64], duration_s: float, level: NDArray[np.float32], random: np.random.Generator
    ) -> MusicTrack:
        """A random song, played so that its beats fall on `beats_s` (B ≥ 2,) seconds, over `duration_s`.

        `level` (T',) in 0..1 scales how loud it is. Timbre, harmony and onsets are read along the stretched time; the
        rhythm columns are computed anew from the grid.
        """
        period = float(np.median(np.diff(beats_s)))
        song = self._fitting(60.0 / period, random)
        rows = int(np.ceil(duration_s * self.rate_hz - 1e-6))
        times = np.arange(rows) / self.rate_hz
        number = np.interp(times, beats_s, np.arange(len(beats_s)))
        number += np.minimum(times - beats_s[0], 0) / period + np.maximum(times - beats_s[-1], 0) / period
        spare = len(song.beats) - len(beats_s) - 2
        first = 1 + (int(random.integers(spare)) if spare > 0 else 0)
        # A song that is too short is heard again from its second beat.
        wrapped = (number + first) % (len(song.beats) - 1)
        position = np.interp(wrapped, np.arange(len(song.beats)), song.beats) * self.rate_hz
        features = _read(song.features, position)
        marks = song.is_downbeat[(first + np.arange(len(beats_s))) % (len(song.beats) - 1)]
        rhythm = known_rhythm(beats_s, duration_s, beats_s[marks], song.meter)
        for name, columns in rhythm_columns(rhythm, rows, self.rate_hz).items():
            features[:, LAYOUT.slices[name]] = columns
        features[:, LAYOUT.slices["loudness"]] -= (1.0 - level[:, None]) * 0.8
        np.clip(features, -1, 1, out=features)
        return MusicTrack(
            path=f"stretched:{song.name}",
            beats=rhythm.beats,
            downbeats=rhythm.downbeats,
            tempo_bpm=rhythm.tempo_bpm,
            features=features.astype(np.float16),
            rate_hz=self.rate_hz,
            encoder=self.encoder,
        )

    def _fitting(self, bpm: float, random: np.random.Generator) -> BankedSong:
        stretch = np.array([abs(np.log(bpm / song.tempo_bpm)) for song in self.songs])
        fitting = np.flatnonzero(stretch < np.log(_GREATEST_STRETCH))
        if len(fitting) == 0:
            fitting = np.argsort(stretch)[:3]
        return self.songs[int(random.choice(fitting))]


def recorded_songs(files: Iterable[Path]) -> Iterator[tuple[str, Song]]:
    """Songs from files, by name, with the beats that the tracker finds."""
    for path in sorted(files):
        yield path.stem, analyse_song(path)


def composed_songs(seconds: float = 45.0, seed: int = 1000) -> Iterator[tuple[str, Song]]:
    """One song in each style of `music.compose`, with its exact beats; 84 to 136 BPM."""
    for number, style in enumerate(STYLE_NAMES):
        bpm = 84.0 + (number * 37) % 53
        audio, rhythm = compose(style, bpm, duration=seconds, seed=seed + number, whole=False, sample_rate=SAMPLE_RATE)
        yield f"composed {style} {bpm:.0f}", song_from_audio(audio, SAMPLE_RATE, rhythm)


def _read(rows: NDArray[np.float32], position: NDArray[np.float64]) -> NDArray[np.float32]:
    position = np.clip(position, 0, len(rows) - 1)
    low = position.astype(int)
    high = np.minimum(low + 1, len(rows) - 1)
    part = (position - low)[:, None].astype(np.float32)
    result: NDArray[np.float32] = rows[low] * (1 - part) + rows[high] * part
    return result
