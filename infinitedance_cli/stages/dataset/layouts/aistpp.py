"""AIST++: `motions/*.pkl`, `splits/*.txt`, `ignore_list.txt`; music by the name that is part of each file's.

A name is genre_situation_camera_dancer_music_choreography, as in `gBR_sBM_cAll_d04_mBR0_ch01`. Songs of one genre go
from 80 to 130 beats a minute in steps of ten, those of house from 110 to 135 in steps of five.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from infinitedance_cli.errors import UsageError
from infinitedance_cli.stages.dataset.layouts.recording import (
    IGNORED,
    LayoutOptions,
    Recording,
    below,
    files,
    listed,
    song_file,
)

NAME = "AIST++"
DESCRIPTION = "motions/*.pkl, splits/, ignore_list.txt; songs in music/ or --music"
LICENCE = "CC BY 4.0 (annotations); the videos and songs of AIST Dance DB have terms of their own"
CREDIT = "AIST++ authors (Google); AIST Dance Video Database"

_PATTERN = re.compile(r"(?P<genre>g\w\w)_(?P<kind>s\w\w)_c\w+_(?P<dancer>d\d+)_(?P<song>m\w\w\d)_ch\d+")
_PROTOCOLS = ("crossmodal", "pose")
_SLOWEST, _STEP = {"HO": 110.0}, {"HO": 5.0}


def recordings(folder: Path, options: LayoutOptions) -> list[Recording]:
    """All motions of the set, with the split of `options.protocol`: crossmodal (usual) or pose."""
    protocol = options.protocol or _PROTOCOLS[0]
    if protocol not in _PROTOCOLS:
        raise UsageError(f"--protocol is {protocol!r}; AIST++ has {', '.join(_PROTOCOLS)}")
    motions = files(below(folder, "motions"), "*.pkl", "AIST++'s annotations, with the folder motions")
    splits = below(folder, "splits")
    lists = {part: listed(splits / f"{protocol}_{part}.txt") for part in ("train", "val", "test")}
    lists[IGNORED] = listed(folder / "ignore_list.txt") | listed(splits / "ignore_list.txt")
    songs = (options.music, folder / "music", folder / "wav", folder)
    return [_recording(path, lists, songs) for path in motions]


def _recording(path: Path, lists: dict[str, frozenset[str]], songs: tuple[Path | None, ...]) -> Recording:
    split = next((part for part in (IGNORED, *lists) if path.stem in lists[part]), "")
    return replace(named(path, songs) or Recording(path, path.stem), split=split)


def named(path: Path, songs: tuple[Path | None, ...]) -> Recording | None:
    """What a file's name tells, where it is one of AIST++."""
    match = _PATTERN.fullmatch(path.stem)
    if match is None:
        return None
    return Recording(
        path,
        path.stem,
        genre=match["genre"],
        song=song_file(songs, match["song"]),
        song_name=match["song"],
        tempo_bpm=tempo_of(match["song"]),
        performer=f"AIST {match['dancer']}",
        recording=path.stem,
    )


def tempo_of(song: str) -> float:
    """Beats a minute of a song by its name, such as mBR0."""
    return _SLOWEST.get(song[1:3], 80.0) + _STEP.get(song[1:3], 10.0) * int(song[3])
