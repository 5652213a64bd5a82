"""The song of a clip, as the sound of a video: found, checked, read from the moment at which the dance begins."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion.clip import MotionClip, MusicTrack
from infinitedance_cli.motion.songs import song_start
from infinitedance_cli.music.decode import DecodeReport, decoded_frames, open_container, require_sound
from infinitedance_cli.music.sources import file_sha256
from infinitedance_cli.stages.render.config import RenderConfig

if TYPE_CHECKING:
    import av

logger = logging.getLogger(__name__)

SAMPLE_RATE = 48_000
NO_MUSIC = "none"
"""What `--music` is given for a silent video."""


@dataclass(frozen=True)
class Soundtrack:
    """A sound file, read from `start` seconds on: the clip's first frame. Below 0 the sound begins after that frame."""

    path: Path
    start: float

    def frames(self, duration_s: float) -> Iterator[av.AudioFrame]:
        """Stereo frames at `SAMPLE_RATE` of exactly `duration_s` seconds, or to the end of the song."""
        from av.audio.resampler import AudioResampler

        name = str(self.path)
        first, left = round(self.start * SAMPLE_RATE), round(duration_s * SAMPLE_RATE)
        if first < 0:
            silence = min(-first, left)
            first, left = 0, left - silence
            yield _silence(silence)
        with open_container(self.path, name) as container:
            require_sound(container, name)
            resampler = AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
            for decoded in (*decoded_frames(container, name, DecodeReport()), None):
                for frame in resampler.resample(decoded):
                    skipped = min(first, frame.samples)
                    first -= skipped
                    kept = min(frame.samples - skipped, left)
                    left -= kept
                    if kept > 0:
                        yield _part(frame, skipped, kept)
                if left <= 0:
                    return


def _silence(count: int) -> av.AudioFrame:
    import av
    import numpy as np

    part = av.AudioFrame.from_ndarray(np.zeros((2, count), np.float32), format="fltp", layout="stereo")
    part.sample_rate = SAMPLE_RATE
    return part


def _part(frame: av.AudioFrame, first: int, count: int) -> av.AudioFrame:
    import av
    import numpy as np

    samples = np.ascontiguousarray(frame.to_ndarray()[:, first : first + count], np.float32)
    part = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
    part.sample_rate = SAMPLE_RATE
    return part


def find_soundtrack(clip: MotionClip, config: RenderConfig, folders: Sequence[Path] = ()) -> Soundtrack | None:
    """The song of a clip, or None with a line in the log where there is none to be had.

    `config.music` names it; else the clip's own path is tried, then its file name in `folders` (those of the clips).
    Raises BadInput when the song that the user names is missing or holds no sound.
    """
    if config.music == NO_MUSIC:
        return None
    if config.music is not None:
        path = Path(config.music)
        if not path.is_file():
            raise BadInput(f"--music {path}: no such file; name a sound or video file, or none for a silent video")
        start = config.music_start if config.music_start is not None else _start_if_same(clip, path)
        return _checked(Soundtrack(path, start))
    if clip.music is None or not clip.music.path:
        logger.info("%s: the clip names no song, so the video is silent; --music FILE adds one", clip.clip_id)
        return None
    named = Path(clip.music.path)
    places = (named, *(folder / named.name for folder in folders))
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        logger.warning(
            "%s: its song %s is not there, so the video is silent; --music FILE names it", clip.clip_id, named
        )
        return None
    if clip.music.sha256 and file_sha256(found) != clip.music.sha256:
        logger.warning("%s: %s has changed since the dance was made for it", clip.clip_id, found)
    return _checked(Soundtrack(found, config.music_start if config.music_start is not None else song_start(clip)))


def with_beats(clip: MotionClip, track: Soundtrack | None) -> MotionClip:
    """The clip with the beats of what will be heard: those that it knows, or those tracked in a song new to it."""
    known = clip.music is not None and len(clip.music.beats) > 0
    if track is None or (known and _is_own(clip, track.path)):
        return clip
    from infinitedance_cli.music.song import analyse_song

    rhythm = analyse_song(track.path, max(track.start, 0.0), clip.duration_s).rhythm
    heard = MusicTrack(path=str(track.path), beats=rhythm.beats, downbeats=rhythm.downbeats, tempo_bpm=rhythm.tempo_bpm)
    return replace(clip, music=heard)


def _is_own(clip: MotionClip, path: Path) -> bool:
    """True when `path` is the song that the clip was made for, wherever it lies now."""
    if clip.music is None:
        return False
    return clip.music.path == str(path) or (bool(clip.music.sha256) and file_sha256(path) == clip.music.sha256)


def _start_if_same(clip: MotionClip, path: Path) -> float:
    return song_start(clip) if _is_own(clip, path) else 0.0


def _checked(track: Soundtrack) -> Soundtrack:
    """The track, if it can be played: found out before anything is drawn."""
    if next(track.frames(0.05), None) is None:
        raise BadInput(f"{track.path}: there is no sound from {track.start:g} s on; check the song and --music-start")
    return track


def check_music_option(config: RenderConfig) -> None:
    """Raises UsageError on a start without a song."""
    if config.music == NO_MUSIC and config.music_start is not None:
        raise UsageError("--music none and --music-start contradict each other; leave one out")
