"""Where pictures go, and what kind of output that is."""

from __future__ import annotations

import enum
import os
import re
from dataclasses import dataclass
from pathlib import Path

from infinitedance_cli.errors import UsageError
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stream.files import check_new_file

PAGE_ENDINGS = (".html", ".htm")
VIDEO_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}


_OURS = re.compile(r"\d{5}\.png")


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
    if ending in VIDEO_FORMATS:
        if config.width % 2 or config.height % 2:
            raise UsageError(f"--size {config.width}x{config.height}: video needs an even width and height")
        kind = Kind.CONTROL_VIDEO if config.control else Kind.VIDEO
        check_new_file(path, force=force)
    elif ending in PAGE_ENDINGS and not config.control:
        kind = Kind.PAGE
        check_new_file(path, force=force)
    elif ending == ".png" and not config.control:
        kind = Kind.SHEET
        check_new_file(path, force=force)
    elif config.control and (not ending or output.endswith("/") or path.is_dir()):
        kind = Kind.CONTROL_FOLDER
        _check_parent(path)
        check_folder(path, force=force)
    else:
        raise UsageError(_expected(output, config))
    if config.grid and kind is not Kind.VIDEO:
        raise UsageError(f"--grid is for videos; a {kind.value} shows every clip by itself")
    return Destination(path, kind, force)


def check_folder(path: Path, *, force: bool) -> None:
    """Raises UsageError when `path` is there and may not be replaced: only a folder of ours, and only with `force`."""
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError(f"{path}: is a file; --control writes a folder of pictures, or a video that ends in .mp4")
    names = [entry.name for entry in path.iterdir()]
    if names and not force:
        raise UsageError(f"{path}: the folder is not empty; give --force to replace it, or choose another output")
    foreign = next((name for name in names if not _OURS.fullmatch(name)), None)
    if foreign is not None:
        raise UsageError(f"{path}: holds {foreign}, which is no picture of ours; choose another output")


def _check_parent(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"{path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{path}: the folder {folder} is not writable; choose another output")


def _expected(output: str, config: RenderConfig) -> str:
    videos = ", ".join(VIDEO_FORMATS)
    if output == "-":
        return "videos and pictures are not written to standard output; give -o FILE"
    if config.control:
        return f"{output}: --control writes a video ({videos}) or a folder of pictures (a name that ends in /)"
    return (
        f"{output}: expected a video ({videos}), a page (.html), a contact sheet (.png), "
        "or with --control a folder (ends in /)"
    )
