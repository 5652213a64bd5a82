"""The songs of clips: found again, heard once, and told to each clip from the moment on at which it begins."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip, MusicTrack
from infinitedance_cli.motion.songs import MUSIC_STAGE, named_like, song_start
from infinitedance_cli.music.features import MusicEncoder, encode_song, frame_count
from infinitedance_cli.music.rhythm import Rhythm

logger = logging.getLogger(__name__)

_KEPT_SONGS = 8
_ENDS_EARLY_S = 1.0
"""A dance may go on so long after its song; what is heard then is how the song ended."""


@dataclass(frozen=True)
class _Heard:
    """What is known of a whole song: `features` (T', D) and its rhythm."""

    sha256: str
    rhythm: Rhythm
    features: NDArray[np.float32]


class Songs:
    """The songs of clips: `places` are song files, one for all clips, and folders of them.

    In a folder the file counts that the clip names, else the one that is named like the clip; where there is none, the
    path that the clip names. The last few songs are kept.
    """

    def __init__(self, places: Sequence[Path], encoder: MusicEncoder) -> None:
        self._places, self._encoder = places, encoder
        self._heard: OrderedDict[Path, _Heard] = OrderedDict()

    def told(self, clip: MotionClip) -> MotionClip:
        """The clip with beats, tempo and music features of its song.

        Raises BadInput when the song is not found, cannot be read, or ends more than a second before the clip.
        """
        path = self._find(clip)
        heard = self._hear(path)
        start = song_start(clip) if _is_own(clip, path, heard.sha256) else 0.0
        missing = start + clip.duration_s - heard.rhythm.duration_s
        if missing > _ENDS_EARLY_S:
            raise BadInput(f"clip {clip.clip_id}: its song {path} ends {missing:.1f} s before it; is it the right one?")
        track = self._from(heard, path, start, clip.duration_s)
        return replace(clip, music=track).with_provenance(
            MUSIC_STAGE, song=path.name, music_start_s=start, encoder=self._encoder.name
        )

    def _from(self, heard: _Heard, path: Path, start: float, duration: float) -> MusicTrack:
        rhythm, rate = heard.rhythm, self._encoder.rate_hz
        beats, downbeats = (
            times[(times >= 0) & (times < duration)] for times in (rhythm.beats - start, rhythm.downbeats - start)
        )
        rows = np.arange(frame_count(duration, rate)) + start * rate
        rows = np.clip(rows, 0, len(heard.features) - 1)
        before = np.floor(rows).astype(int)
        after = np.minimum(before + 1, len(heard.features) - 1)
        share = (rows - before)[:, None].astype(np.float32)
        features = (1 - share) * heard.features[before] + share * heard.features[after]
        return MusicTrack(
            sha256=heard.sha256,
            path=str(path),
            beats=beats,
            downbeats=downbeats,
            tempo_bpm=rhythm.tempo_bpm,
            features=features.astype(np.float16),
            rate_hz=rate,
            encoder=self._encoder.name,
        )

    def _hear(self, path: Path) -> _Heard:
        if path not in self._heard:
            # The decoder and the tracker take a quarter of a second to import.
            from infinitedance_cli.music.song import analyse_song

            song = analyse_song(str(path))
            assert song.info is not None, "it came from a file"
            self._heard[path] = _Heard(song.info.sha256, song.rhythm, encode_song(song, self._encoder))
            while len(self._heard) > _KEPT_SONGS:
                self._heard.popitem(last=False)
        self._heard.move_to_end(path)
        return self._heard[path]

    def _find(self, clip: MotionClip) -> Path:
        named = Path(clip.music.path) if clip.music is not None and clip.music.path else None
        for place in self._places:
            if not place.is_dir():
                return place
        if self._files:
            stem = named.stem if named is not None and named.stem in self._files else None
            stem = stem or named_like(list(self._files), clip.clip_id)
            if stem is not None:
                return self._files[stem]
        if named is not None and named.is_file():
            return named
        where = ", ".join(map(str, self._places))
        raise BadInput(
            f"clip {clip.clip_id}: "
            + (f"its song {named} is not there" if named is not None else "it names no song")
            + (f", and none in {where} has its name" if where else "; name the folder of its song with --songs")
        )

    @cached_property
    def _files(self) -> dict[str, Path]:
        """Files of the folders by their stems, the first of each."""
        found: dict[str, Path] = {}
        for place in self._places:
            for path in sorted(place.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    found.setdefault(path.stem, path)
        return found


def _is_own(clip: MotionClip, path: Path, sha256: str) -> bool:
    """Whether this is the song that the clip was made for, wherever it lies now."""
    if clip.music is None:
        return False
    if clip.music.sha256:
        if clip.music.sha256 != sha256:
            logger.warning("%s: %s is not the song that it was made for, or has changed", clip.clip_id, path)
        return clip.music.sha256 == sha256
    return Path(clip.music.path).name == path.name
