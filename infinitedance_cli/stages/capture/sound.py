"""The sound of a video, as the music of the clips that are captured from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MusicTrack
from infinitedance_cli.music.sources import AudioSource

logger = logging.getLogger(__name__)

Times = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sound:
    """The sound of a video: `path` and `sha256` of the file, `beats` and `downbeats` in seconds after the first
    picture, and the tempo; `start_s` when its first sample is heard after the first picture."""

    path: str
    sha256: str
    start_s: float
    beats: Times
    downbeats: Times
    tempo_bpm: float

    def track(self, first_s: float, duration_s: float) -> MusicTrack:
        """The music of a clip that begins `first_s` seconds after the first picture."""
        beats, downbeats = (
            times[(times >= 0) & (times < duration_s)] for times in (self.beats - first_s, self.downbeats - first_s)
        )
        return MusicTrack(self.sha256, self.path, beats, downbeats, self.tempo_bpm)


def listen(source: AudioSource, path: str, sha256: str, start_s: float, *, beats: bool) -> Sound | None:
    """The sound of a video, with its beats where they are wanted; None, with a warning, where it cannot be decoded."""
    nothing = np.zeros(0)
    if not beats:
        return Sound(path, sha256, start_s, nothing, nothing, 0.0)
    from infinitedance_cli.music.song import analyse_song

    try:
        rhythm = analyse_song(source).rhythm
    except BadInput as error:
        logger.warning("%s; going on without its sound", error)
        return None
    return Sound(path, sha256, start_s, rhythm.beats + start_s, rhythm.downbeats + start_s, rhythm.tempo_bpm)


@contextmanager
def listening(hear: Callable[[], Sound | None], *, aside: bool) -> Iterator[Callable[[], Sound | None]]:
    """A function that gives what `hear` returns, which is found out by another thread where it may run `aside`."""
    if not aside:
        heard = hear()
        yield lambda: heard
        return
    with ThreadPoolExecutor(1, "idance-sound") as thread:
        future = thread.submit(hear)
        yield future.result
