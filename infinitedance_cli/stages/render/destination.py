"""Where pictures go, and what kind of output that is."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from infinitedance_cli.errors import UsageError
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stream.files import check_new_file

PAGE_ENDINGS = (".html", ".htm")
VIDEO_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}


class Kind(enum.Enum):
    """What is written."""

    PAGE = "page"
    VIDEO = "video"
    SHEET = "contact sheet"
    CONTROL_VIDEO = "control video"
    CONTROL_FOLDER = "control pictures"


@dataclass(frozen=True)
class Destination:
    """A path, what kind of output it stands for, and whether what is there may be replaced."""

    path: Path
    kind: Kind
    force: bool = False


def find_destination(output: str, config: RenderConfig, *, force: bool) -> Destination:
    """What `-o` and the configuration ask for, checked before any work starts.

    Raises UsageError when the ending is unknown, does not go with the configuration, the size cannot be encoded, or
    the output exists and `force` is not given.
    """
    path = Path(output)
    ending = path.suffix.lower()
    if ending in PAGE_ENDINGS:
        kind = Kind.PAGE
        check_new_file(path, force=force)
    elif ending in VIDEO_FORMATS:
        if config.width % 2 or config.height % 2:
            raise UsageError(f"--size {config.width}x{config.height}: video needs an even width and height")
        kind = Kind.CONTROL_VIDEO if config.control else Kind.VIDEO
        check_new_file(path, force=force)
    else:
        known = ", ".join((*VIDEO_FORMATS, *PAGE_ENDINGS))
        raise UsageError(f"{output}: expected a file that ends in {known}")
    return Destination(path, kind, force)
