"""The video with what was seen in it, beside the body that was captured, for people to judge.

The body is drawn by a second `idance`, as a user would: stages do not import one another.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.annotations import captured
from infinitedance_cli.stages.capture.backend import FPS
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.inputs import PIPE
from infinitedance_cli.stages.capture.overlay import Overlay
from infinitedance_cli.stages.capture.prepared import every_frame
from infinitedance_cli.stages.capture.soundtrack import write_with_sound
from infinitedance_cli.stages.capture.video import open_video
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.files import NewFile, check_new_file

logger = logging.getLogger(__name__)

_HEIGHT, _PANE_WIDTH = 720, 640
_ENDING = ".mp4"

Picture = NDArray[np.uint8]


def check_preview(preview: str | None, videos: Sequence[str], *, force: bool) -> None:
    """Fails early on a preview that cannot be drawn. Raises UsageError."""
    if preview is None:
        return
    if Path(preview).suffix.lower() != _ENDING:
        raise UsageError(f"--preview {preview}: expected a file that ends in {_ENDING}")
    if len(videos) != 1 or videos[0] == PIPE:
        found = "standard input" if PIPE in videos else f"{len(videos)} videos"
        raise UsageError(f"--preview draws one video file, not {found}; give one, or leave it out")
    check_new_file(Path(preview), force=force)


@contextmanager
def previewed(
    clips: Iterator[MotionClip], preview: str | None, video: str, config: CaptureConfig
) -> Iterator[Iterator[MotionClip]]:
    """The same clips; after the block, which has to go through all of them, the preview is drawn. None draws nothing.

    Raises StageFailed when it cannot be drawn.
    """
    if preview is None:
        yield clips
        return
    passed: list[MotionClip] = []
    yield _noted(clips, passed)
    with NewFile(Path(preview)) as new, tempfile.TemporaryDirectory(prefix="idance-") as folder:
        drawn = Path(folder) / "preview.mp4"
        draw_preview(Path(video), passed, drawn, config)
        with open(drawn, "rb") as file:
            while block := file.read(1 << 20):
                new.file.write(block)
        new.finish(Path(preview))
    logger.info("wrote %s", preview)


def _noted(clips: Iterator[MotionClip], passed: list[MotionClip]) -> Iterator[MotionClip]:
    for clip in clips:
        passed.append(clip)
        yield clip


@dataclass
class _Body:
    """The pictures of one clip's body, one a frame from `first` on; `at` goes forward only."""

    first: int
    frames: int
    pictures: Iterator[Picture]
    shown: int = -1
    picture: Picture | None = None

    def at(self, frame: int) -> Picture | None:
        """The body at a frame of the video; None before and after the clip."""
        if not self.first <= frame < self.first + self.frames:
            return None
        while self.shown < frame - self.first:
            self.picture = next(self.pictures, self.picture)
            self.shown += 1
        return self.picture


def draw_preview(video: Path, clips: Sequence[MotionClip], target: Path, config: CaptureConfig) -> None:
    """Draw `target` from a video and the clips that were captured from it."""
    overlays = [Overlay(clip) for clip in clips]
    with tempfile.TemporaryDirectory(prefix="idance-") as folder:
        bodies = [_body(clip, Path(folder) / f"{number}.mp4") for number, clip in enumerate(clips)]
        with open_video(video, config.turn, _HEIGHT) as opened:
            factor = _HEIGHT / opened.info.height
            pictures = _composed(every_frame(opened.pictures()), overlays, bodies, factor)
            write_with_sound(target, pictures, video, opened.info.sound_start_s)


def _composed(
    pictures: Iterator[Any], overlays: Sequence[Overlay], bodies: Sequence[_Body], factor: float
) -> Iterator[Picture]:
    import cv2

    for frame, pixels in enumerate(pictures):
        width = round(pixels.shape[1] * _HEIGHT / pixels.shape[0])
        left = cv2.resize(pixels, (width, _HEIGHT), interpolation=cv2.INTER_AREA)
        for overlay in overlays:
            overlay.draw(left, frame, factor)
        shown = [picture for body in bodies if (picture := body.at(frame)) is not None]
        pane = shown[0] if shown else np.full((_HEIGHT, _PANE_WIDTH, 3), 32, np.uint8)
        yield np.concatenate((left, pane), axis=1)


def _body(clip: MotionClip, path: Path) -> _Body:
    """The body of a clip, drawn to a temporary video."""
    source = path.with_suffix(".h5")
    source.write_bytes(encode(replace(clip, music=None)))
    size = f"{_PANE_WIDTH}x{_HEIGHT}"
    options = ["--size", size, "--yaw", "30", "--fps", f"{FPS:g}", "--music", "none", "--quiet"]
    command = [sys.executable, "-m", "infinitedance_cli", "render", str(source), "-o", str(path), *options]
    if subprocess.run(command, check=False).returncode != 0:
        raise StageFailed(f"{clip.clip_id}: the preview could not be drawn, see above; the clips are written")
    return _Body(int(captured(clip).attributes.get("first_frame", 0)), clip.frames, _pixels(path))


def _pixels(path: Path) -> Iterator[Picture]:
    try:
        with open_video(path) as opened:
            for picture in opened.pictures():
                yield picture.pixels
    except BadInput as error:
        raise StageFailed(f"the preview could not be drawn ({error})") from error
