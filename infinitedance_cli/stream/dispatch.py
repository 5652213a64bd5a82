"""Which motion format reads or writes a path: by its ending, then by content; see `infinitedance_cli.formats`."""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from infinitedance_cli import plugins
from infinitedance_cli.errors import BadInput, MissingResource, UsageError
from infinitedance_cli.motion.clip import MotionClip

logger = logging.getLogger(__name__)

ClipReader = Callable[[Path], Iterator[MotionClip]]
ClipWriter = Callable[[MotionClip, BinaryIO], None]

_FOREIGN_CONTENT = (BadInput, OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class MotionFormat:
    """One format plug-in as `infinitedance_cli.formats` describes it; `holds_many` when a file takes several clips."""

    name: str
    description: str
    extensions: tuple[str, ...]
    read_extensions: tuple[str, ...]
    read: ClipReader | None
    matches: Callable[[Path], bool] | None
    write: ClipWriter | None
    holds_many: bool


@lru_cache
def motion_formats() -> tuple[MotionFormat, ...]:
    """All formats that can be loaded, by name. One that cannot is logged and left out."""
    found = []
    for name in plugins.names("format"):
        try:
            module = plugins.load("format", name)
        except MissingResource as error:
            logger.warning("%s", error)
            continue
        if hasattr(module, "EXTENSIONS"):
            found.append(_describe(name, module))
    return tuple(found)


def _describe(name: str, module: ModuleType) -> MotionFormat:
    extensions = tuple(module.EXTENSIONS)
    return MotionFormat(
        name=name,
        description=getattr(module, "DESCRIPTION", name),
        extensions=extensions,
        read_extensions=tuple(getattr(module, "READ_EXTENSIONS", extensions)),
        read=getattr(module, "read", None),
        matches=getattr(module, "matches", None),
        write=getattr(module, "write", None),
        holds_many=getattr(module, "HOLDS_MANY", False),
    )


def readable_extensions() -> tuple[str, ...]:
    """All endings that can be read, sorted."""
    return tuple(sorted({ending for form in motion_formats() if form.read for ending in form.read_extensions}))


def writable_extensions() -> tuple[str, ...]:
    """All endings that can be written, sorted."""
    return tuple(sorted({ending for form in motion_formats() if form.write for ending in form.extensions}))


def split_extension(path: Path) -> tuple[str, str]:
    """File name and the longest ending of it that can be written: `a.264.npy` → ("a", ".264.npy").

    Raises UsageError when no format writes the ending; the message lists those that can be written.
    """
    ending = _longest_ending(path, writable_extensions())
    if ending is None:
        raise UsageError(f"{path}: no motion format writes {_shown(path)}; known: {', '.join(writable_extensions())}")
    return path.name[: -len(ending)], path.name[-len(ending) :]


def format_for_writing(path: Path) -> MotionFormat:
    """The format that writes this path. Raises UsageError on an ending that none or more than one writes."""
    ending = split_extension(path)[1].lower()
    writers = [form for form in motion_formats() if form.write and ending in form.extensions]
    if len(writers) > 1:
        names = " and ".join(form.name for form in writers)
        raise UsageError(f"{path}: the formats {names} both write {ending}; uninstall one of these plug-ins")
    return writers[0]


def format_for_reading(path: Path) -> MotionFormat:
    """The format that reads this path; where several share an ending, the one that knows the content.

    Raises UsageError on an ending that no format reads (lists those that are read), BadInput where several formats
    share the ending and none knows the content.
    """
    ending = _longest_ending(path, readable_extensions())
    if ending is None:
        raise UsageError(f"{path}: no motion format reads {_shown(path)}; known: {', '.join(readable_extensions())}")
    readers = [form for form in motion_formats() if form.read and ending in form.read_extensions]
    if len(readers) == 1:
        return readers[0]
    for form in readers:
        if form.matches is not None and _knows(form.matches, path):
            return form
    for form in readers:
        if form.matches is None:
            return form
    known = "; ".join(form.description for form in readers)
    raise BadInput(f"{path}: its content is none that is known in {ending} files: {known}")


def _knows(matches: Callable[[Path], bool], path: Path) -> bool:
    """What a format says of a file; one that stumbles over foreign or damaged content does not know it."""
    try:
        return matches(path)
    except _FOREIGN_CONTENT as error:
        logger.debug("%s: %s", path, error)
        return False


def _longest_ending(path: Path, endings: tuple[str, ...]) -> str | None:
    name = path.name.lower()
    fitting = [ending for ending in endings if name.endswith(ending) and len(name) > len(ending)]
    return max(fitting, key=len, default=None)


def _shown(path: Path) -> str:
    return f"files that end in {path.suffix!r}" if path.suffix else "files without an ending"
