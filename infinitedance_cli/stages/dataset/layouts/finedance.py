"""FineDance: `motion/NNN.npy` (T, 315), `label_json/NNN.json` with genre `style2`, `music_wav/NNN.wav`, 30 fps.

Its splits are lists of numbers in its code: by genre (the one that its authors advise), or by dancer.
"""

from __future__ import annotations

from pathlib import Path

from infinitedance_cli.errors import UsageError
from infinitedance_cli.stages.dataset.layouts.recording import (
    IGNORED,
    LayoutOptions,
    Recording,
    below,
    dictionary,
    files,
    song_file,
)

NAME = "FineDance"
DESCRIPTION = "motion/*.npy, label_json/, music_wav/"
LICENCE = "FineDance's own (LICENSE of its repository)"
CREDIT = "Li et al., FineDance, ICCV 2023"

_GENRES = {
    "tai": "dai",
    "uighur": "uyghur",
    "wei": "uyghur",
    "hmong": "miao",
    "hantang": "han-tang",
    "shenyun": "shen-yun",
    "kun": "shen-yun",
    "dunhuang": "dunhuang",
    "korean": "k-pop",
    "choreography": "urban",
    "chinese": "chinese",
}
_TEST_BY_GENRE = "012 036 037 063 065 092 098 109 120 130 132 137 143 144 161 179 193 198 204 211"
_IGNORED_BY_GENRE = "116 117 118 119 121 122 123 202"
_TEST_BY_DANCER = "001 002 003 004 005 006 007 008 009 010 011 012 013 124 126 128 130 132"
_VAL_BY_DANCER = "115 117 119 121 122 135 137 139 141 143 145 147"
_IGNORED_BY_DANCER = "116 118 120 123 202"
_PROTOCOLS = {
    "genre": {"test": _TEST_BY_GENRE, IGNORED: _IGNORED_BY_GENRE},
    "dancer": {"test": _TEST_BY_DANCER, "val": _VAL_BY_DANCER, IGNORED: _IGNORED_BY_DANCER},
}


def recordings(folder: Path, options: LayoutOptions) -> list[Recording]:
    """All motions of the set, with the split of `options.protocol`: genre (usual) or dancer."""
    protocol = options.protocol or "genre"
    if protocol not in _PROTOCOLS:
        raise UsageError(f"--protocol is {protocol!r}; FineDance has {', '.join(_PROTOCOLS)}")
    parts = {number: part for part, numbers in _PROTOCOLS[protocol].items() for number in numbers.split()}
    found = []
    for path in files(below(folder, "motion"), "*.npy", "FineDance's folder motion"):
        label = dictionary(folder / "label_json" / f"{path.stem}.json")
        style = str(label.get("style2", ""))
        found.append(
            Recording(
                path,
                f"finedance_{path.stem}",
                genre=_GENRES.get(style.lower(), style),
                song=song_file((options.music, folder / "music_wav"), path.stem),
                song_name=f"finedance_{path.stem}",
                recording=f"finedance_{path.stem}",
                split=parts.get(path.stem, "train"),
            )
        )
    return found
