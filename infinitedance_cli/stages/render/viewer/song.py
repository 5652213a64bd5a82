"""The song of a clip as MP3: the one compressed form that every browser decodes, also those without licensed codecs.

MP3 begins with a delay that not every decoder cuts, and seeking in it is inexact in some browsers. The page therefore
decodes the whole excerpt once, cuts the delay by the figures that are given here, and plays the samples as PCM, whose
time is exact.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.stages.render.soundtrack import SAMPLE_RATE, Soundtrack

BIT_RATE = 128_000
PACKET_SAMPLES = 1152
DELAY = 1105
"""Samples before the first one of the song: LAME's delay of 576 and a decoder's of 529."""

_ENCODER = "libmp3lame"


@dataclass(frozen=True)
class EncodedSong:
    """An excerpt: `samples` at `SAMPLE_RATE`, in `packets` of 1152, the first one `DELAY` samples late."""

    data: bytes
    samples: int
    packets: int

    def describe(self) -> dict[str, Any]:
        """What the page must know to place the samples."""
        return {"samples": self.samples, "rate": SAMPLE_RATE, "delay": DELAY, "packets": self.packets}


@lru_cache(maxsize=4)
def encode_song(track: Soundtrack, duration_s: float) -> EncodedSong:
    """The first `duration_s` seconds of a track, less where the song ends before; stereo.

    Raises BadInput when it holds no sound there, MissingResource without an MP3 encoder.
    """
    import av

    output = io.BytesIO()
    samples, packets = 0, 0
    with av.open(output, "w", format="mp3") as writer:
        stream = _add_stream(writer)
        for frame in track.frames(duration_s):
            frame.pts, samples = samples, samples + frame.samples
            for packet in stream.encode(frame):
                writer.mux(packet)
                packets += 1
        if samples == 0:
            raise BadInput(f"{track.path}: there is no sound from {track.start:g} s on; name the song with --music")
        for packet in stream.encode(None):
            writer.mux(packet)
            packets += 1
    return EncodedSong(output.getvalue(), samples, packets)


def _add_stream(writer: Any) -> Any:
    import av

    try:
        stream = writer.add_stream(_ENCODER, rate=SAMPLE_RATE)
    except (av.error.FFmpegError, ValueError) as error:
        raise MissingResource(
            f"this build of av has no MP3 encoder ({_ENCODER}); its wheel has one: pip install --force-reinstall av"
        ) from error
    stream.layout, stream.bit_rate = "stereo", BIT_RATE
    return stream
