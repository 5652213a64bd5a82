"""A camera as a video without an end: until Ctrl-C, a number of seconds, or the plug is pulled."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from infinitedance_cli.errors import MissingResource, StageFailed
from infinitedance_cli.stages.capture.config import Turn
from infinitedance_cli.stages.capture.video import TimedPicture, Video

logger = logging.getLogger(__name__)

_SIZE, _RATE = "1280x720", "30"
_SYSTEMS = {
    "linux": ("v4l2", "/dev/video0"),
    "darwin": ("avfoundation", "0"),
    "win32": ("dshow", "video=Integrated Camera"),
}
AUTO = "auto"


def default_device() -> tuple[str, str]:
    """How cameras are read on this system, and the first one: format and name."""
    for system, found in _SYSTEMS.items():
        if sys.platform.startswith(system):
            return found
    raise MissingResource(f"cameras are not known on {sys.platform}; record a video and give its name")


@contextmanager
def open_camera(device: str, turn: Turn = "none") -> Iterator[Video]:
    """A camera that is open: `device` as the system names it, or "auto" for the first one.

    Raises MissingResource when there is none or it is in use.
    """
    import av

    form, first = default_device()
    name = first if device == AUTO else device
    if form == "v4l2" and not Path(name).exists():
        raise MissingResource(f"there is no camera {name}; plug one in, or name another one: --webcam /dev/video1")
    container = None
    # Cameras offer few sizes; one that does not know this one is asked for whatever it gives.
    for options in ({"video_size": _SIZE, "framerate": _RATE}, {}):
        try:
            container = av.open(name, format=form if _is_device(name) else None, options=options)
            break
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
    if container is None:
        raise MissingResource(f"the camera {name} cannot be read ({reason}); is it plugged in, free and permitted?")
    try:
        yield Video(container, name, turn="none" if turn == "auto" else turn)
    finally:
        container.close()


def _is_device(name: str) -> bool:
    return not Path(name).is_file() and not Path(name).is_fifo()


def until_stopped(
    pictures: Iterator[TimedPicture], name: str, seconds: float | None, stop: threading.Event
) -> Iterator[TimedPicture]:
    """The pictures until `stop` is set, `seconds` are over, or the camera is gone, which ends it with a warning.

    Raises StageFailed where it was gone before the first picture.
    """
    import av

    count = 0
    while not stop.is_set():
        try:
            picture = next(pictures, None)
        except (av.error.FFmpegError, OSError) as error:
            if count == 0:
                raise StageFailed(f"the camera {name} gave no picture ({error}); plug it in again") from error
            logger.warning("the camera %s is gone (%s); going on with the %d pictures seen", name, error, count)
            return
        if picture is None or (seconds is not None and picture.time_s >= seconds):
            return
        count += 1
        yield picture


@contextmanager
def stopped_by_interrupt() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second one interrupts as always."""
    stop = threading.Event()
    before: Any = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)
        logger.info("stopping; press Ctrl-C again to give up what was captured")

    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield stop
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
