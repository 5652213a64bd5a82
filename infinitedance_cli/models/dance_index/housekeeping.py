"""The folder of an index: who may write there, and what is in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.models.dance_index.manifest import BUILDING, MANIFEST, Manifest, SegmentEntry

LOCK = ".lock"


def check_folder(folder: Path) -> None:
    """Raise UsageError when an index cannot be made in `folder`, because something else is there."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder, or a file that ends in .safetensors")
    if not folder.parent.is_dir():
        raise UsageError(f"{folder}: there is no folder {folder.parent}; make it first")
    ours = (LOCK, MANIFEST, BUILDING)
    if folder.is_dir() and any(
        path.name not in ours and not path.name.startswith(("segment-", f".{MANIFEST}", f".{BUILDING}"))
        for path in folder.iterdir()
    ):
        raise UsageError(f"{folder}: holds other files; name a new folder for the index")


def make_folder(folder: Path) -> None:
    """Make the folder of an index; raises as `check_folder`, and StageFailed when it cannot be made."""
    check_folder(folder)
    with clear_failure(folder):
        folder.mkdir(exist_ok=True)


def unmake_folder(folder: Path) -> None:
    """Remove the folder of an index that did not come about."""
    if {path.name for path in folder.iterdir()} <= {LOCK}:
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()


@contextmanager
def clear_failure(folder: Path) -> Iterator[None]:
    """Turns an OSError into StageFailed with one line."""
    try:
        yield
    except OSError as error:
        raise StageFailed(f"{folder}: cannot be written ({error.strerror or error}); choose another output") from error


def require_same(folder: Path, found: Manifest, wanted: Manifest) -> None:
    """Raise BadInput when what is there was made with other settings than what comes."""
    for name, own, given in (
        *((name, found.details.get(name), wanted.details.get(name)) for name in sorted(found.details | wanted.details)),
        ("windows of", found.window_steps, wanted.window_steps),
    ):
        if own != given:
            raise BadInput(f"{folder}: the index has {name} {_short(own)}, found {_short(given)}; build another one")


def _short(value: object) -> str:
    return f"{value[:12]}…" if isinstance(value, str) and len(value) > 12 else str(value)


def names_in(folder: Path, manifest: str) -> set[str]:
    """Segments that a manifest names; none where it cannot be read, which reading it will say."""
    try:
        return {entry["name"] for entry in json.loads((folder / manifest).read_bytes())["segments"]}
    except (OSError, ValueError, LookupError, TypeError):
        return {path.name for path in folder.glob("segment-*")}


def without_clips(entry: SegmentEntry, clips: set[int]) -> SegmentEntry:
    """The segment after these clips were removed."""
    return replace(entry, removed=tuple(sorted({*entry.removed, *clips}))) if clips else entry
