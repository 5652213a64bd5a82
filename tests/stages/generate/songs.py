"""Songs made for the tests of generation."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from tests.music.sounds import CODECS, clicks, write_audio

RATE = 44_100


def song(path: Path, seconds: float, bpm: float = 120.0) -> Path:
    """A click track over a soft chord, in the codec of the path's ending."""
    codec, rate = CODECS[path.suffix[1:]]
    sound = clicks(np.arange(0.2, seconds - 0.06, 60 / bpm), seconds, rate)
    time = np.arange(len(sound)) / rate
    sound += sum(0.05 * np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.2, 329.6))  # type: ignore[arg-type]
    return write_audio(path, sound[None].astype(np.float32), rate, codec)


def silence(path: Path, seconds: float) -> Path:
    """Digital silence."""
    codec, rate = CODECS[path.suffix[1:]]
    return write_audio(path, np.zeros((1, round(seconds * rate)), np.float32), rate, codec)


def film(path: Path, seconds: float) -> Path:
    """An mp4 with a picture track, which begins first and lasts longer, and a sound track of `seconds`."""
    with av.open(str(path), "w", options={"movie_timescale": str(RATE)}) as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        for number in range(int(seconds * 10) + 20):
            image = np.full((48, 64, 3), number % 250, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode(None))
        samples = clicks(np.arange(0.2, seconds - 0.06, 0.5), seconds, RATE)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        pieces = av.AudioResampler(format="fltp", layout="mono", rate=RATE, frame_size=1024)
        for piece in [*pieces.resample(frame), *pieces.resample(None)]:
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    return path
