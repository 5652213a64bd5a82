"""Pictures and the sound of another video in one file."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from infinitedance_cli.music.decode import DecodeReport, decoded_frames, open_container
from infinitedance_cli.stages.capture.backend import FPS

_RATE = 48_000


def write_with_sound(target: Path, pictures: Iterator[Any], source: Path, sound_start_s: float | None) -> int:
    """Write pixels (H, W, 3) at 30 a second, with the sound of `source`, which begins `sound_start_s` after the first
    picture (None: silent). Returns how many pictures there were."""
    import av

    count = 0
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=Fraction(FPS))
        video.pix_fmt, video.options = "yuv420p", {"crf": "20", "preset": "veryfast"}
        audio = None if sound_start_s is None else container.add_stream("aac", rate=_RATE, layout="stereo")
        sound = iter(()) if sound_start_s is None else _sound(source, sound_start_s)
        for pixels in pictures:
            height, width = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
            if count == 0:
                video.width, video.height = width, height
            frame = av.VideoFrame.from_ndarray(pixels[: video.height, : video.width].copy(), format="rgb24")
            frame.pts, frame.time_base = count, Fraction(1, int(FPS))
            container.mux(video.encode(frame))
            count += 1
            if audio is not None:
                _add_until(container, audio, sound, count / FPS)
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))
    return count


def _add_until(container: Any, audio: Any, sound: Iterator[Any], until: float) -> None:
    for part in sound:
        container.mux(audio.encode(part))
        if part.time >= until:
            return


def _sound(source: Path, start_s: float) -> Iterator[Any]:
    """Stereo frames of the sound, with the times at which they are heard; what comes before the first picture is
    left out."""
    from av.audio.resampler import AudioResampler

    samples = round(start_s * _RATE)
    with open_container(source, str(source)) as container:
        resampler = AudioResampler(format="fltp", layout="stereo", rate=_RATE)
        for decoded in decoded_frames(container, str(source), DecodeReport()):
            decoded.pts = None
            for frame in resampler.resample(decoded):
                frame.pts, frame.time_base = samples, Fraction(1, _RATE)
                samples += frame.samples
                if frame.pts >= 0:
                    yield frame
