"""What a capture backend is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from infinitedance_cli import plugins
from infinitedance_cli.errors import UsageError
from infinitedance_cli.motion.clip import MotionClip

if TYPE_CHECKING:
    from infinitedance_cli.stages.capture.config import CaptureConfig
    from infinitedance_cli.stages.capture.video import TimedPicture

FPS = 30.0
"""Pictures a second that every backend sees, and of the clips that it gives back."""

CAPTURE = "capture"
"""Name in `MotionClip.extra` of what was seen, see `annotations`."""

_JOIN = "+"


class CaptureBackend(Protocol):
    """One way from a video to the motion of the people in it."""

    @property
    def name(self) -> str:
        """The plug-in's name."""
        ...

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        """The people of one shot, one clip each, as soon as each is ready.

        `video` is one shot without sound: an upright MP4 (H.264) at constant 30 frames a second, cut and turned by the
        stage. Only the people that `config.person` asks for are wanted.

        Each clip has 30 fps, SMPL-X's 55 joints (or the first 22), metres, y up, the floor at y = 0. Its `body` says
        the model and shape. `extra["capture"]` (see `annotations.capture_group`) may hold keypoints, boxes, confidence
        and camera, in pixels of `video`; its attribute `first_frame` (0 unless given) is the frame of `video` that the
        clip begins with, so that motion and sound stay together. The stage names the clip and adds source, licence,
        sound, labels and figures of quality.

        Raises MissingResource when something has to be installed or accepted first, StageFailed when nobody was found
        or the backend failed, BadInput when the video is at fault.
        """
        ...


@runtime_checkable
class PictureBackend(Protocol):
    """A backend that runs in this process and needs no file: it is given the pictures as they are decoded."""

    @property
    def name(self) -> str:
        """The plug-in's name."""
        ...

    def follow(self, pictures: Iterable[TimedPicture], config: CaptureConfig) -> Iterator[MotionClip]:
        """As `CaptureBackend.capture`, over the pictures of a whole video or camera; finds the shots itself.

        The attribute `first_frame` counts from the first picture. At most a few pictures are held at a time.
        """
        ...


def load_backend(config: CaptureConfig) -> CaptureBackend | PictureBackend:
    """The backend that `config.backend` names; "body+hands" joins two, such as gvhmr+smplestx.

    Raises UsageError when there is none of that name, MissingResource when it cannot work here.
    """
    parts = config.backend.split(_JOIN)
    if not all(parts) or len(parts) > 2:
        raise UsageError(f"--backend {config.backend}: expected one name, or two as in gvhmr+smplestx")
    backends = [_create(name, config) for name in parts]
    if len(backends) == 1:
        return backends[0]
    from infinitedance_cli.stages.capture.merge import MergedBackend

    merged: CaptureBackend = MergedBackend(*backends)
    return merged


def _create(name: str, config: CaptureConfig) -> Any:
    return plugins.load("capture", name).create(config)
