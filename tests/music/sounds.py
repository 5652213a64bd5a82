"""Sounds and files for the tests of music."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

CODECS: dict[str, tuple[str, int]] = {
    "wav": ("pcm_s16le", 44_100),
    "flac": ("flac", 44_100),
    "mp3": ("libmp3lame", 44_100),
    "m4a": ("aac", 44_100),
    "mp4": ("aac", 44_100),
    "ogg": ("libopus", 48_000),
    "webm": ("libopus", 48_000),
    "mkv": ("flac", 44_100),
}


def sine(hertz: float, samples: int, rate: int) -> np.ndarray:
    """(samples,) float32 of amplitude a half."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.float32)


def clicks(times: np.ndarray, seconds: float, rate: int = 24_000) -> np.ndarray:
    """(N,) float32, a short ping at 1 kHz at each time."""
    sound = np.zeros(round(seconds * rate), np.float32)
    time = np.arange(int(0.05 * rate)) / rate
    ping = (0.8 * np.sin(2 * np.pi * 1000 * time) * np.exp(-time * 100)).astype(np.float32)
    for one in times:
        begin = round(one * rate)
        part = ping[: len(sound) - begin]
        sound[begin : begin + len(part)] += part
    return sound


def write_audio(path: Path, channels: np.ndarray, rate: int, codec: str) -> Path:
    """Encodes (C, N) float32, one or two channels."""
    layout = "mono" if len(channels) == 1 else "stereo"
    # Without a fine movie time scale an MP4 states its length in milliseconds.
    options = {"movie_timescale": str(rate)} if path.suffix in (".m4a", ".mp4") else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels, np.float32), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        context = stream.codec_context
        resampler = av.AudioResampler(
            format=context.format.name, layout=layout, rate=rate, frame_size=context.frame_size or None
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def matched(reference: np.ndarray, found: np.ndarray, tolerance: float = 0.07) -> float:
    """F-measure of beats within a tolerance, each used once."""
    hits = first = second = 0
    while first < len(reference) and second < len(found):
        gap = found[second] - reference[first]
        if abs(gap) <= tolerance:
            hits, first, second = hits + 1, first + 1, second + 1
        elif gap < 0:
            second += 1
        else:
            first += 1
    return 2 * hits / max(len(reference) + len(found), 1)
