"""What a layout tells of one recording before its motion is read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infinitedance_cli.errors import BadInput

SOUNDS = (".wav", ".mp3", ".flac", ".m4a", ".ogg")


@dataclass(frozen=True)
class LayoutOptions:
    """`music` is the folder of the songs where that is not the layout's own; `protocol` the published split to take."""

    music: Path | None = None
    protocol: str = ""


@dataclass(frozen=True)
class Recording:
    """One motion file of a published data set; texts are empty where nothing is known.

    `song` is the song's file where it is there, `song_name` what it is called in any case. `recording` is the same for
    partners and for takes of one choreography. `split` is that of the chosen protocol: train, val, test, or ignored.
    `role` is lead or follow in a pair. `licence` and `credit` replace those of the layout.
    """

    path: Path
    clip_id: str
    genre: str = ""
    song: Path | None = None
    song_name: str = ""
    tempo_bpm: float = 0.0
    performer: str = ""
    recording: str = ""
    split: str = ""
    role: str = ""
    licence: str = ""
    credit: str = ""


IGNORED = "ignored"
"""The split of what a data set's own authors leave out."""


def files(folder: Path, pattern: str, expected: str) -> list[Path]:
    """The files of a folder, sorted. Raises BadInput that says what was `expected` when there are none."""
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not found:
        raise BadInput(f"{folder}: no {pattern} in it; expected {expected}")
    return found


def below(folder: Path, *names: str) -> Path:
    """The first of these folders that is there, else the folder itself."""
    return next((folder / name for name in names if (folder / name).is_dir()), folder)


def song_file(folders: Iterable[Path | None], name: str) -> Path | None:
    """The sound file of this name in the first of the folders that has one."""
    for folder in folders:
        for ending in SOUNDS if folder is not None and name else ():
            assert folder is not None
            path = folder / f"{name}{ending}"
            if path.is_file():
                return path
    return None


def listed(path: Path) -> frozenset[str]:
    """The names in a list, one a line; none where there is no such file. Raises BadInput when it cannot be read."""
    if not path.is_file():
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as a list of names ({error})") from error
    return frozenset(line.strip() for line in lines if line.strip())


def dictionary(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file. Raises BadInput when it is something else."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path}: holds {type(found).__name__}; expected a JSON object")
    return found
