"""InterDance: `NAME_0.pkl` and `NAME_1.pkl`, the leader and the follower of a dance, 30 fps.

Genres, songs and splits are not part of these files, and where they are published was not found: give the folder of
the songs with --music when they have the names of the dances.
"""

from __future__ import annotations

import re
from pathlib import Path

from infinitedance_cli.stages.dataset.layouts.recording import LayoutOptions, Recording, files, song_file

NAME = "InterDance"
DESCRIPTION = "NAME_0.pkl (lead) and NAME_1.pkl (follow); songs with --music"
LICENCE = ""
CREDIT = "Li et al., InterDance, 2024"

_PATTERN = re.compile(r"(?P<dance>.+)_(?P<person>[01])")
_ROLES = {"0": "lead", "1": "follow"}


def recordings(folder: Path, options: LayoutOptions) -> list[Recording]:
    """Both dancers of every dance."""
    found = []
    for path in files(folder, "*_[01].pkl", "InterDance's SMPL-X files, two of each dance"):
        match = _PATTERN.fullmatch(path.stem)
        assert match is not None
        dance = match["dance"]
        found.append(
            Recording(
                path,
                path.stem,
                song=song_file((options.music,), dance),
                song_name=f"InterDance {dance}",
                recording=f"InterDance {dance}",
                role=_ROLES[match["person"]],
            )
        )
    return found
