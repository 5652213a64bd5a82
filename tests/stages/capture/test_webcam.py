from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from infinitedance_cli.errors import MissingResource, StageFailed, UsageError
from infinitedance_cli.stages.capture.backend import load_backend
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.live import capture_camera
from infinitedance_cli.stages.capture.video import TimedPicture
from infinitedance_cli.stages.capture.webcam import open_camera, stopped_by_interrupt, until_stopped
from tests.stages.capture.conftest import MakeVideo


def pictures(count: int, fails: bool = False) -> Iterator[TimedPicture]:
    for number in range(count):
        yield TimedPicture(number / 30, np.zeros((4, 4, 3), np.uint8))
    if fails:
        raise OSError(19, "No such device")


def test_a_camera_that_is_pulled_out_ends_the_capture(caplog: pytest.LogCaptureFixture) -> None:
    seen = list(until_stopped(pictures(40, fails=True), "/dev/video0", None, threading.Event()))
    assert len(seen) == 40 and "/dev/video0 is gone" in caplog.text and "40 pictures" in caplog.text


def test_a_camera_that_never_gives_a_picture_is_an_error() -> None:
    with pytest.raises(StageFailed, match=r"/dev/video0 gave no picture"):
        list(until_stopped(pictures(0, fails=True), "/dev/video0", None, threading.Event()))


def test_it_ends_after_so_many_seconds() -> None:
    assert len(list(until_stopped(pictures(100), "camera", 1.0, threading.Event()))) == 30


def test_the_first_interrupt_ends_the_capture_and_the_second_everything() -> None:
    with stopped_by_interrupt() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            stop.wait(0.5)
            signal.pause()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_no_camera_is_missing() -> None:
    with pytest.raises(MissingResource, match="there is no camera /dev/video99"), open_camera("/dev/video99"):
        pass


def test_what_a_camera_shows_becomes_a_clip(make_video: MakeVideo) -> None:
    """A recording stands in for the camera: both are containers that give pictures."""
    config = CaptureConfig(backend="square")
    video = make_video(seconds=3.0)
    (clip,) = capture_camera(str(video), 2.0, load_backend(config), config)
    assert clip.clip_id == "webcam" and clip.frames == 60
    assert np.abs(clip.root_position[:, 0] - 0.01 * (47.5 + 24 * np.sin(3 * np.arange(60) / 30))).max() < 0.01
    with pytest.raises(UsageError, match="wants a file"):
        next(capture_camera(str(video), 2.0, load_backend(CaptureConfig(backend="file")), config))
