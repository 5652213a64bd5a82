"""A video made easy for code that expects a plain one: each shot a file, upright, at constant 30 a second, silent."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from infinitedance_cli.stages.capture.backend import FPS
from infinitedance_cli.stages.capture.config import ShotsConfig
from infinitedance_cli.stages.capture.shots import split_shots
from infinitedance_cli.stages.capture.video import TimedPicture

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedShot:
    """One shot as a file: `path`; its first picture is `first_frame` of the video; pictures are `scale` as wide."""

    path: Path
    number: int
    first_frame: int
    frames: int
    scale: float


def prepared_shots(pictures: Iterable[TimedPicture], config: ShotsConfig) -> Iterator[PreparedShot]:
    """Every shot of a video that is long enough; its file is there until the next one is asked for."""
    shots = groupby(split_shots(pictures, config), key=lambda numbered: numbered[0])
    for number, members in shots:
        with _written(number, (picture for _, picture in members)) as shot:
            if shot.frames >= config.shortest_s * FPS:
                yield shot


@contextmanager
def _written(number: int, pictures: Iterator[TimedPicture]) -> Iterator[PreparedShot]:
    first = next(pictures)
    with tempfile.TemporaryDirectory(prefix="idance-") as folder:
        path = Path(folder) / "shot.mp4"
        first_frame = round(first.time_s * FPS)
        frames = write_video(path, every_frame(chain([first], pictures), first_frame))
        yield PreparedShot(path, number, first_frame, frames, first.scale)


def every_frame(pictures: Iterable[TimedPicture], first_frame: int = 0) -> Iterator[Any]:
    """The pixels of the picture that is nearest to each multiple of 1/30 s, from `first_frame` on: some come twice."""
    frame, held = first_frame, None
    for picture in pictures:
        while held is not None and frame / FPS <= 0.5 * (held.time_s + picture.time_s):
            yield held.pixels
            frame += 1
        held = picture
    while held is not None and frame / FPS <= held.time_s + 0.5 / FPS:
        yield held.pixels
        frame += 1


def write_video(path: Path, pictures: Iterable[Any], fps: float = FPS, crf: int = 16) -> int:
    """Write pixels (H, W, 3) as H.264; odd rows and columns are cut off. Returns how many pictures there were."""
    import av

    count = 0
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(crf), "preset": "veryfast"}
        for pixels in pictures:
            height, width = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
            if count == 0:
                stream.width, stream.height = width, height
            frame = av.VideoFrame.from_ndarray(pixels[: stream.height, : stream.width].copy(), format="rgb24")
            frame.pts, frame.time_base = count, 1 / Fraction(fps).limit_denominator(1001)
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
    return count
