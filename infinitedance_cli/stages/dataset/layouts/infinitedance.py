"""The InfiniteDance release: SMPL-X files or 264-d features, `styles/all_style_map.json`, `partition/*.txt`, 30 fps.

Motion is `dance/infinitedance_smplx_smooth/*.pkl` (its own videos) and, under `dance/`,
`alldata_new_joint_vecs264_ft_balanced/*.npy` (those, AIST++, FineDance and Motorica). Where a clip is there in both
forms, the one that has rotations is taken. Performers, and which clips are of one video or song, are not published;
names of AIST++ and Motorica tell theirs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.dataset.layouts import aistpp, motorica
from infinitedance_cli.stages.dataset.layouts.recording import (
    LayoutOptions,
    Recording,
    below,
    dictionary,
    listed,
    song_file,
)

NAME = "InfiniteDance"
DESCRIPTION = "dance/infinitedance_smplx_smooth/ or dance/alldata_…264_ft_balanced/, styles/, partition/"
LICENCE = "InfiniteDance Non-Commercial Research License"
CREDIT = "Li et al., InfiniteDance, ECCV 2026"

_SMPLX, _FEATURES = "infinitedance_smplx_smooth", "alldata_new_joint_vecs264_ft_balanced"
_PARTS = ("train", "val", "test")


def recordings(folder: Path, options: LayoutOptions) -> list[Recording]:
    """All motions of the release."""
    inner = below(folder, "InfiniteDanceData")
    dance = below(inner, "dance")
    found = {path.stem: path for path in sorted((dance / _FEATURES).glob("*.npy"))}
    found |= {path.stem: path for path in sorted((dance / _SMPLX).glob("*.pkl"))}
    if not found:
        raise BadInput(f"{folder}: no motion in dance/{_SMPLX} or dance/{_FEATURES}; expected the release's data")
    styles = dictionary(inner / "styles" / "all_style_map.json")
    parts = _partition(inner / "partition")
    result = []
    for stem, path in sorted(found.items()):
        recording = _recording(path, (options.music,))
        style = str(styles.get(stem, "")).lower()
        result.append(replace(recording, genre=recording.genre or style, split=parts.get(stem, "")))
    return result


def _recording(path: Path, songs: tuple[Path | None, ...]) -> Recording:
    """What a file's name tells; clips that the release took from another set come under that set's terms too."""
    found, origin = aistpp.named(path, songs), aistpp.NAME
    if found is None and path.stem.startswith("kth"):
        found, origin = motorica.named(path, songs), motorica.NAME
    if found is None:
        return Recording(path, path.stem, song=song_file(songs, path.stem), recording=path.stem)
    return replace(found, licence=f"{LICENCE}; from {origin}, whose terms hold too")


def _partition(folder: Path) -> dict[str, str]:
    """The part of each clip from the lists whose names tell one: `All_cleandata_train.txt`, `test_eval861.txt` …"""
    parts: dict[str, str] = {}
    for path in sorted(folder.glob("*.txt")):
        words = path.stem.lower().replace("eval", "_eval").split("_")
        part = next((part for part in _PARTS if part in words), None)
        if part is not None:
            parts |= {Path(name).stem if name.endswith((".npy", ".pkl")) else name: part for name in listed(path)}
    return parts
