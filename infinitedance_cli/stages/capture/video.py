"""Any video as upright pictures in time with its sound, at most 30 of them a second.

Time zero is the first picture. A picture is given when it is the nearest one to a multiple of 1/30 s: all pictures of a
video of 24 or 25 a second, every second one of 59.94. Each tells when it is shown, so that whatever is read from it can
be put on a true 30 a second afterwards (`timeline`) without a picture being shown twice or at the wrong moment.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.music.decode import open_container
from infinitedance_cli.music.sources import AudioSource, open_source, source_name
from infinitedance_cli.stages.capture.backend import FPS
from infinitedance_cli.stages.capture.config import Turn
from infinitedance_cli.stages.capture.upright import Orientation, turned

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

logger = logging.getLogger(__name__)

_MOST_DAMAGED = 10_000
_WORTH_SCALING = 0.8
"""Pictures that are hardly too large are taken as they are: scaling costs more than it saves."""


@dataclass(frozen=True, eq=False)
class TimedPicture:
    """One picture: `pixels` (H, W, 3) uint8, red green blue, upright; shown `time_s` after the first one.

    `scale` is the width of `pixels` over the width of the upright picture as stored.
    """

    time_s: float
    pixels: NDArray[np.uint8]
    scale: float = 1.0


@dataclass(frozen=True)
class VideoInfo:
    """What a video is: its `name`, `width` and `height` of the upright picture as stored, in pixels.

    `fps` as the file states it, `duration_s` where it states one; `sound_start_s` when the sound's first sample is
    heard after the first picture (negative: before), None without sound. `turn` says how pictures are made upright.
    """

    name: str
    width: int
    height: int
    fps: float
    duration_s: float | None
    sound_start_s: float | None
    turn: Orientation

    @property
    def expected_frames(self) -> int | None:
        """Frames at 30 a second, where the length is known."""
        return None if self.duration_s is None else round(self.duration_s * FPS)


class Video:
    """A video that is open: `info`, and its pictures, which can be gone through once."""

    def __init__(
        self,
        container: InputContainer,
        name: str,
        *,
        turn: Turn = "auto",
        side: int = 1080,
        sound_clock_s: float | None = None,
    ) -> None:
        self._container, self._name, self._side, self._sound_clock = container, name, side, sound_clock_s
        self._stream = _video_stream(container, name)
        self._stream.thread_type = "AUTO"
        self._damaged = 0
        self._frames = self._decoded()
        self._first = next(self._frames, None)
        if self._first is None:
            raise BadInput(f"{name}: no picture could be decoded from its video track; the file is empty or damaged")
        self._start = self._first.time or 0.0
        self.info = self._describe(self._first, turn)

    def _describe(self, first: av.VideoFrame, turn: Turn) -> VideoInfo:
        orientation = Orientation.of(first) if turn == "auto" else Orientation.clockwise(turn)
        width, height = self._square(first)
        if orientation.swaps:
            width, height = height, width
        rate = self._stream.average_rate or self._stream.guessed_rate
        length = self._stream.duration
        base = self._stream.time_base
        seconds = float(length * base) if length is not None and base is not None else None
        if seconds is None and self._container.duration is not None:
            seconds = self._container.duration / 1e6
        heard = None if self._sound_clock is None else self._sound_clock - self._start
        return VideoInfo(self._name, width, height, float(rate or 0.0), seconds, heard, orientation)

    def _square(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Width and height of a frame when its pixels are made square."""
        aspect = self._stream.sample_aspect_ratio
        return max(round(frame.width * float(aspect or 1)), 2), frame.height

    def pictures(self) -> Iterator[TimedPicture]:
        """The pictures that are nearest to multiples of 1/30 s, in order of time; one is held at a time."""
        assert self._first is not None
        for frame, time_s in nearest_to_grid(self._timed()):
            yield self._picture(frame, time_s)
        self._conclude()

    def _timed(self) -> Iterator[tuple[av.VideoFrame, float]]:
        """Frames with strictly rising times from zero; those that go back in time are left out."""
        assert self._first is not None
        step = 1.0 / self.info.fps if self.info.fps > 0 else 1.0 / FPS
        yield self._first, 0.0
        last = 0.0
        for frame in self._frames:
            time_s = last + step if frame.time is None else frame.time - self._start
            if time_s > last:
                yield frame, time_s
                last = time_s

    def _picture(self, frame: av.VideoFrame, time_s: float) -> TimedPicture:
        width, height = self._square(frame)
        factor = self._side / min(width, height)
        factor = factor if factor < _WORTH_SCALING else 1.0
        small = max(round(width * factor), 2), max(round(height * factor), 2)
        pixels: Any = frame.reformat(*small, format="rgb24", interpolation="AREA").to_ndarray()
        upright = turned(pixels, self.info.turn)
        return TimedPicture(time_s, upright, upright.shape[1] / self.info.width)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Decoded frames; damaged packets are skipped and counted. Raises BadInput where nothing can be decoded."""
        import av

        packets = self._container.demux(self._stream)
        while self._damaged < _MOST_DAMAGED:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                logger.debug("%s: %s", self._name, error)
                self._damaged += 1
                continue
            for frame in frames:
                if frame.width and frame.height:
                    yield frame

    def _conclude(self) -> None:
        if self._damaged:
            logger.warning(
                "%s: damaged or truncated (%d bad packets); going on with the rest", self._name, self._damaged
            )


def nearest_to_grid(frames: Iterator[tuple[Any, float]], fps: float = FPS) -> Iterator[tuple[Any, float]]:
    """Of frames with rising times, those that are the nearest one to at least one multiple of 1/`fps`, and the last."""
    held: tuple[Any, float] | None = None
    due = 0  # the first multiple whose nearest frame is not known yet
    for frame, time_s in frames:
        if held is not None:
            middle = 0.5 * (held[1] + time_s)
            if due / fps <= middle:
                yield held
            due = max(due, int(np.floor(middle * fps)) + 1)
        held = frame, time_s
    if held is not None:
        yield held


@contextmanager
def open_video(source: AudioSource, turn: Turn = "auto", side: int = 1080) -> Iterator[Video]:
    """The video of a file, `-` (stdin) or a pipe; one that cannot seek is read into a temporary file first.

    Pictures whose shorter side has more than `side` pixels are made smaller.
    Raises BadInput: no such file, no video, no picture in it.
    """
    name = source_name(source)
    with open_source(source) as readable:
        sound = sound_start(readable, name)
        with open_container(readable, name) as container:
            yield Video(container, name, turn=turn, side=side, sound_clock_s=sound)


def sound_start(source: AudioSource, name: str) -> float | None:
    """Seconds on the file's own clock at which the first sample that the decoder delivers is heard; None: no sound."""
    import av

    with open_container(source, name) as container:
        if not container.streams.audio or container.streams.audio[0].codec_context is None:
            return None
        try:
            frame = next(iter(container.decode(container.streams.audio[0])), None)
        except av.error.FFmpegError as error:
            logger.debug("%s: its sound cannot be decoded (%s)", name, error)
            return None
        return None if frame is None else float(frame.time or 0.0)


def _video_stream(container: InputContainer, name: str) -> Any:
    from av.stream import Disposition

    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue  # the cover of a song
        if stream.codec_context is None:
            raise BadInput(f"{name}: its video is stored in a form that cannot be decoded; convert it to H.264 first")
        return stream
    found = "only sound" if container.streams.audio else "no pictures"
    raise BadInput(f"{name}: {found} in it; expected a video of a person, such as .mp4 or .mov")
