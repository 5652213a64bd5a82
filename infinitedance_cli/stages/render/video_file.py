"""H.264 and AAC in MP4, written as the pictures come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.stages.render.config import EncoderConfig
from infinitedance_cli.stages.render.soundtrack import SAMPLE_RATE

if TYPE_CHECKING:
    import av

_BT709 = 1
_LIMITED_RANGE = 1


class VideoFile:
    """A video being written to `path`: `add` each picture, then `finish`.

    `sound` are stereo frames at `SAMPLE_RATE` that begin with the first picture; None for a silent video.
    Raises StageFailed when the encoder refuses or the disk is full.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: tuple[int, int],
        fps: float,
        sound: Iterator[av.AudioFrame] | None,
        config: EncoderConfig,
        container_format: str = "mp4",
    ) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        self._path, self._fps = path, Fraction(fps).limit_denominator(1001)
        self._container = av.open(
            str(path),
            "w",
            format=container_format,
            options={"movflags": "+faststart"} if container_format != "matroska" else {},
        )
        self._video = self._container.add_stream("libx264", rate=self._fps)
        self._video.width, self._video.height = size
        self._video.pix_fmt = "yuv420p"
        self._video.options = {"crf": str(config.crf), "preset": config.preset}
        context = self._video.codec_context
        context.thread_count = 0
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED_RANGE
        self._sound = sound
        self._audio = self._container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo") if sound else None
        if self._audio is not None:
            self._audio.bit_rate = config.audio_kbps * 1000
        self._reformatter = VideoReformatter()
        self._pictures = self._samples = 0

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Append one picture (height, width, 4), red, green, blue and a byte that is not used."""
        import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgba")
        converted = self._reformatter.reformat(
            frame, format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED_RANGE
        )
        converted.pts, converted.time_base = self._pictures, 1 / self._fps
        self._pictures += 1
        self._mux(self._video.encode(converted))
        self._add_sound(self._pictures / self._fps)

    def _add_sound(self, until: Fraction | None) -> None:
        """Encode the sound up to `until` seconds, or all that is left."""
        while self._sound is not None and (until is None or Fraction(self._samples, SAMPLE_RATE) < until):
            frame = next(self._sound, None)
            if frame is None:
                self._sound = None
                return
            frame.pts, frame.time_base = self._samples, Fraction(1, SAMPLE_RATE)
            self._samples += frame.samples
            assert self._audio is not None
            self._mux(self._audio.encode(frame))

    def _mux(self, packets: Sequence[av.Packet[Any]]) -> None:
        for packet in packets:
            self._container.mux(packet)

    def finish(self) -> None:
        """Write what the encoders still hold, and the index. Raises StageFailed when that fails."""
        self._add_sound(None)
        self._mux(self._video.encode(None))
        if self._audio is not None:
            self._mux(self._audio.encode(None))
        self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        if kind is None:
            return
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            # The file is dropped; what closing it says only repeats the failure that is on its way.
            pass
        if isinstance(error, av.error.FFmpegError) and not isinstance(error, OSError):
            raise StageFailed(f"{self._path}: the video cannot be encoded ({error})") from error
