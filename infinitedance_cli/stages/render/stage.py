"""Draw clips as video, contact sheet or control pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from infinitedance_cli import plugins
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.render.config import AUTO_STYLE, RenderConfig
from infinitedance_cli.stages.render.context import drawing_context
from infinitedance_cli.stages.render.destination import Destination, Kind
from infinitedance_cli.stages.render.outputs import control, sheet, video
from infinitedance_cli.stages.render.viewer.page import write_page


def render(
    clips: Iterable[MotionClip], destination: Destination, config: RenderConfig, folders: Sequence[Path] = ()
) -> int:
    """Draw all clips to `destination`; returns how many were drawn.

    `folders` are searched for the songs of clips whose own path leads nowhere.

    Raises:
        UsageError: there is no such style.
        BadInput: a clip cannot be drawn in the style, or the song that was named cannot be read.
        MissingResource: there is no OpenGL, or the files of a body model are missing.
        StageFailed: there are no clips, or the output cannot be written.
    """
    if destination.kind is Kind.PAGE:  # drawn by the browser
        return write_page(clips, destination.path, config, folders, force=destination.force)
    writers = {
        Kind.VIDEO: video.write,
        Kind.SHEET: sheet.write,
        Kind.CONTROL_VIDEO: control.write,
        Kind.CONTROL_FOLDER: control.write,
    }
    if config.style != AUTO_STYLE:
        plugins.load("renderer", config.style)  # an unknown name ends it here, before anything is read
    with drawing_context() as context:
        return writers[destination.kind](context, clips, destination, config, folders)
