"""Videos made for tests."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
TICKS = 90_000
SOUND_RATE = 44_100


def write_video(
    path: Path,
    times_s: Sequence[float],
    draw: Callable[[int], Pixels],
    *,
    sound: NDArray[np.floating] | None = None,
    form: str = "mp4",
) -> Path:
    """A video whose picture k, `draw(k)` (H, W, 3), is shown at `times_s[k]`; `sound` (N,) at 44.1 kHz from 0 s."""
    with av.open(str(path), "w", format=form) as container:
        video = _video_stream(container, draw(0)) if len(times_s) else None
        audio = None
        if sound is not None:
            audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for number, time_s in enumerate(times_s):
            assert video is not None
            frame = av.VideoFrame.from_ndarray(draw(number), format="rgb24")
            frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            container.mux(video.encode(frame))
        if video is not None:
            container.mux(video.encode(None))
        if audio is not None and sound is not None:
            for start in range(0, len(sound), 1024):
                part = np.asarray(sound[start : start + 1024], np.float32)[None]
                block = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return path


def _video_stream(container: OutputContainer, first: Pixels) -> VideoStream:
    video = container.add_stream("libx264", rate=60)
    video.pix_fmt, video.options = "yuv420p", {"preset": "ultrafast", "crf": "18", "bf": "0"}
    video.height, video.width = first.shape[:2]
    video.codec_context.time_base = Fraction(1, TICKS)
    return video


def constant(fps: float, seconds: float) -> list[float]:
    return [number / fps for number in range(round(fps * seconds))]


def marked(bits: int, value: int, size: tuple[int, int] = (32, 16)) -> Pixels:
    """A small picture that holds the number `value` as black and white columns."""
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    for bit in range(bits):
        if value >> bit & 1:
            picture[:, bit * width // bits : (bit + 1) * width // bits] = 255
    return picture


def number_in(pixels: Pixels, bits: int) -> int:
    """The number that `marked` wrote."""
    width = pixels.shape[1]
    centres = [(2 * bit + 1) * width // (2 * bits) for bit in range(bits)]
    return sum(1 << bit for bit, column in enumerate(centres) if pixels[:, column].mean() > 127)


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write (a, b, c, d) into the MP4's track header: a stored point (x, y) is shown at (a x + c y, b x + d y)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    assert data[at] == 0, "a version 0 header is expected"
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    data[at + 40 : at + 76] = matrix
    path.write_bytes(bytes(data))


def clicks(seconds: float, at_s: Sequence[float]) -> NDArray[np.float32]:
    """Silence with a short click at each of the times."""
    sound = np.zeros(round(seconds * SOUND_RATE), np.float32)
    tone = np.sin(np.arange(400) * 0.4).astype(np.float32) * np.linspace(1, 0, 400, dtype=np.float32)
    for time_s in at_s:
        start = round(time_s * SOUND_RATE)
        sound[start : start + 400] += tone[: len(sound) - start]
    return sound
