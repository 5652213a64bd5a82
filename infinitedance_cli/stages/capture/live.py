"""A camera in, motion clips out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from infinitedance_cli.errors import StageFailed, UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.backend import CaptureBackend, PictureBackend
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.stage import Origin, finished
from infinitedance_cli.stages.capture.webcam import open_camera, stopped_by_interrupt, until_stopped

NAME = "webcam"


def capture_camera(
    device: str, seconds: float | None, backend: CaptureBackend | PictureBackend, config: CaptureConfig
) -> Iterator[MotionClip]:
    """The people before a camera, until Ctrl-C or `seconds` are over.

    Raises UsageError when the backend wants files, MissingResource when there is no camera, StageFailed when nobody is
    found.
    """
    if not isinstance(backend, PictureBackend):
        raise UsageError(f"--webcam: the backend {backend.name} wants a file; record a video, or leave --backend out")
    count = 0
    with stopped_by_interrupt() as stop, open_camera(device, config.turn) as camera:
        origin = Origin(NAME, "", replace(camera.info, duration_s=seconds))
        pictures = until_stopped(camera.pictures(), camera.info.name, seconds, stop)
        for clip in backend.follow(pictures, config):
            count += 1
            yield finished(clip, origin, backend.name, config, count, None)
    if count == 0:
        raise StageFailed("nobody was found before the camera; stand in sight from head to feet and try again")
