"""The manifest of an index folder: which segments count, what each holds, and how they are searched.

::

    index/index.json           this, replaced in one rename: what it does not name does not exist
    index/building.json        the same of an index that is not finished; readers do not look at it
    index/segment-000007/      clips that never change; see `segment`

A reader keeps the segments that it has opened, whatever a writer does; a writer adds segments, names them here, and
takes away those that are named no longer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from infinitedance_cli.config import from_dict, to_dict
from infinitedance_cli.errors import BadInput, ConfigError, MissingResource, StageFailed

MANIFEST, BUILDING = "index.json", "building.json"
Kind = Literal["auto", "exact", "graph", "lists"]
FORMAT, FORMAT_VERSION = "idance-index-folder", 1


@dataclass(frozen=True)
class GenreRows:
    """Clips and windows of one genre in a segment, each a range from `…first` up to `…end`; `speed` is their mean joint
    speed over `steps` steps, m/s."""

    first_clip: int
    end_clip: int
    first_row: int
    end_row: int
    steps: int
    speed: float


@dataclass(frozen=True)
class Parameters:
    """How a segment is searched.

    `kind` exact, graph (HNSW) or lists (IVF-PQ). `breadth`: how many of the `lists` are looked into (nprobe), or how
    wide a graph is walked (efSearch). `code_bytes` of an entry in a list, `links` of an entry in a graph. `depth`
    candidates are compared again by their stored vectors. `trained_on` entries were there when lists were trained, at a
    mean squared distance of `spread` from the centres of their lists. `tuned`: breadth and depth were measured.
    """

    kind: Kind = "exact"
    breadth: int = 0
    depth: int = 0
    lists: int = 0
    code_bytes: int = 0
    links: int = 0
    trained_on: int = 0
    spread: float = 0.0
    tuned: bool = False


@dataclass(frozen=True)
class SegmentEntry:
    """One segment: its folder, its counts, the bytes of each of its files, and which of its clips were removed."""

    name: str
    clips: int
    windows: int
    parameters: Parameters
    genres: dict[str, GenreRows]
    files: dict[str, int]
    removed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """All of an index folder; `next_segment` numbers segments, `kind` is what was asked for.

    `recall` is recall@10 as it was last measured, `filtered_recall` within one genre.
    """

    window_steps: int
    dimension: int
    kind: Kind = "auto"
    details: dict[str, Any] = field(default_factory=dict)
    segments: tuple[SegmentEntry, ...] = ()
    next_segment: int = 1
    recall: float = 1.0
    filtered_recall: float = 1.0


def read_manifest(folder: Path, name: str = MANIFEST) -> Manifest:
    """Raises MissingResource when there is none, BadInput when it is damaged or of a newer version."""
    path = folder / name
    if not path.is_file() and (folder / BUILDING).is_file():
        raise MissingResource(f"{folder}: the index is not finished; give the `idance build-index` that made it again")
    if not path.is_file():
        raise MissingResource(f"{folder}: no index in this folder; build one with `idance build-index -o {folder}`")
    try:
        header = json.loads(path.read_bytes())
        if not isinstance(header, dict) or header.pop("format", None) != FORMAT:
            raise BadInput(f"{path}: not a dance index; expected a folder written by `idance build-index`")
        version = header.pop("format_version")
        if version > FORMAT_VERSION:
            raise BadInput(f"{path}: index format {version} is newer than this idance: update it")
        return from_dict(Manifest, header)
    except (OSError, ValueError, LookupError, TypeError, ConfigError) as error:
        line = " ".join(str(error).split())
        raise BadInput(f"{path}: unreadable index ({line}); build it again with `idance build-index`") from error


def write_manifest(folder: Path, manifest: Manifest, name: str = MANIFEST) -> None:
    """Replace the manifest in one rename, after what it names has reached the disk.

    Raises StageFailed when it cannot be written.
    """
    header: Mapping[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION, **to_dict(manifest)}
    temporary = folder / f".{name}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(header, file, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / name)
    except OSError as error:
        raise StageFailed(f"{folder}: cannot be written ({error.strerror or error}); free space") from error
    finally:
        temporary.unlink(missing_ok=True)
