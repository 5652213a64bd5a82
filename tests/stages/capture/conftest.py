"""A capture backend that follows a white square, so that what a video shows can be told from the clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from infinitedance_cli import plugins
from infinitedance_cli.errors import StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.annotations import CameraPose, capture_group
from infinitedance_cli.stages.capture.backend import CAPTURE
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.timeline import lay_grid, resampled
from infinitedance_cli.stages.capture.video import TimedPicture, open_video
from infinitedance_cli.testing import example_clip
from tests.stages.capture.videos import Pixels, clicks, constant, write_video

METRES_A_PIXEL = 0.01


class SquareBackend:
    """The root's x is the square's place in the picture; a picture without a square holds nobody."""

    name = "square"

    def follow(self, pictures: Iterable[TimedPicture], config: CaptureConfig) -> Iterator[MotionClip]:
        times, places = [], []
        for picture in pictures:
            columns = np.flatnonzero((picture.pixels.mean(axis=-1) > 200).any(axis=0))
            if len(columns):
                times.append(picture.time_s)
                places.append(columns.mean() / picture.scale)
        grid = lay_grid(times)
        if grid is None or grid.frames < config.shots.shortest_s * 30:
            return
        clip = example_clip(grid.frames)
        root = clip.root_position.copy()
        x = resampled(np.asarray(places), grid, times)
        root[:, 0] = METRES_A_PIXEL * x
        boxes = np.stack([x - 4, np.zeros_like(x), x + 4, np.full_like(x, 8)], axis=1)
        camera = CameraPose(500.0, np.array([48.0, 24.0]), np.eye(3)[None], np.array([[0.0, 0.0, 4.0]]))
        group = capture_group(
            first_frame=grid.first, bbox=boxes, confidence=np.ones((grid.frames, 55)), camera=camera, person=1
        )
        yield replace(clip, root_position=root, extra={CAPTURE: group})


class FileBackend:
    """The same, for a backend that wants a file."""

    name = "file"

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        with open_video(video) as opened:
            clips = list(SquareBackend().follow(opened.pictures(), config))
        if not clips:
            raise StageFailed("no square was found")
        yield from clips


@pytest.fixture(autouse=True)
def _square_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    backends = {"square": SquareBackend, "file": FileBackend}
    load = plugins.load

    def loaded(kind: str, name: str) -> Any:
        if kind == "capture" and name in backends:
            return SimpleNamespace(create=lambda config: backends[name]())
        return load(kind, name)

    monkeypatch.setattr(plugins, "load", loaded)


def square_at(x: float, size: tuple[int, int] = (96, 48)) -> Pixels:
    """A dark picture with a white square of 8 pixels around column `x`; without one where `x` is NaN."""
    picture = np.full((size[1], size[0], 3), 32, np.uint8)
    if np.isfinite(x):
        left = round(x) - 4
        picture[8:16, left : left + 8] = 255
    return picture


MakeVideo = Callable[..., Path]


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """A video of a square that goes to and fro, with clicks twice a second; `absent` shows none."""

    def make(
        name: str = "dance.mp4", seconds: float = 2.0, fps: float = 30.0, *, absent: bool = False, phase: float = 0.0
    ) -> Path:
        times = constant(fps, seconds)
        places = [np.nan if absent else 48 + 24 * np.sin(3 * time_s + phase) for time_s in times]
        sound = clicks(seconds, list(np.arange(0.25, seconds, 0.5)))
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        return write_video(path, times, lambda number: square_at(places[number]), sound=sound)

    return make
