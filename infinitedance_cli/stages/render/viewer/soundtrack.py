"""The song of a clip as MP3: the one compressed form that every browser decodes, also those built without licensed codecs.

MP3 begins with a delay that not every decoder cuts, and seeking in it is inexact in some browsers. The page therefore
decodes the whole excerpt once, cuts the delay by the figures that are given here, and plays the samples as PCM, whose
time is exact.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinitedance_cli.errors import BadInput, MissingResource

if TYPE_CHECKING:
    import av

SAMPLE_RATE = 44_100
BIT_RATE = 128_000
DELAY = 1105
"""Samples before the first one of the song: LAME's delay of 576 and a decoder's of 529."""

_ENCODER = "libmp3lame"


@dataclass(frozen=True)
class Soundtrack:
    """An excerpt of a song, encoded: `samples` at `SAMPLE_RATE`, in `packets` of 1152, the first `DELAY` samples late."""

    data: bytes
    samples: int
    packets: int

    def describe(self) -> dict[str, Any]:
        """What the page must know to place the samples."""
        return {"samples": self.samples, "rate": SAMPLE_RATE, "delay": DELAY, "packets": self.packets}


@lru_cache(maxsize=4)
def encode_soundtrack(path: Path, start_s: float, duration_s: float) -> Soundtrack:
    """`duration_s` seconds of a song from `start_s` on, less where it ends before; stereo.

    Raises BadInput when the file is not sound or ends before `start_s`, MissingResource without an MP3 encoder.
    """
    import av

    output = io.BytesIO()
    try:
        writer = av.open(output, "w", format="mp3")
        stream: Any = writer.add_stream(_ENCODER, rate=SAMPLE_RATE)
    except (av.error.FFmpegError, ValueError) as error:
        raise MissingResource(
            f"this installation of av has no MP3 encoder ({_ENCODER}); install one that has: pip install av"
        ) from error
    stream.layout, stream.bit_rate = "stereo", BIT_RATE
    samples, packets = 0, 0
    with writer:
        for frame in _excerpt(path, round(start_s * SAMPLE_RATE), round(duration_s * SAMPLE_RATE)):
            frame.pts, samples = samples, samples + frame.samples
            for packet in stream.encode(frame):
                writer.mux(packet)
                packets += 1
        for packet in stream.encode(None):
            writer.mux(packet)
            packets += 1
    if samples == 0:
        raise BadInput(f"{path}: no sound at {start_s:g} s; the dance begins after the end of this file")
    return Soundtrack(output.getvalue(), samples, packets)


def _excerpt(path: Path, first: int, count: int) -> Iterator[av.AudioFrame]:
    """Stereo frames of the samples from `first` on, `count` at most."""
    import av

    position = 0
    for frame in _stereo(path):
        values = frame.to_ndarray()
        part = values[:, max(first - position, 0) : max(first + count - position, 0)]
        position += values.shape[1]
        if part.shape[1]:
            piece = av.AudioFrame.from_ndarray(part.copy(), format="fltp", layout="stereo")
            piece.sample_rate = SAMPLE_RATE
            yield piece
        if position >= first + count:
            return


def _stereo(path: Path) -> Iterator[av.AudioFrame]:
    import av

    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
    try:
        with av.open(f"file:{path}") as container:
            if not container.streams.audio:
                raise BadInput(f"{path}: has no sound track; name the song that the dance belongs to")
            for frame in container.decode(container.streams.audio[0]):
                frame.pts = None  # samples follow one another without gaps, whatever the time stamps say
                yield from resampler.resample(frame)
            yield from resampler.resample(None)
    except av.error.FFmpegError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadInput(f"{path}: not a sound or video file that can be decoded ({reason})") from error
