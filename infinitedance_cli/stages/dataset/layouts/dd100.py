"""DD100: `motion/smplx/all/GENRE_CHOREOGRAPHY_TAKE_PERSON.npy`, `music/mp3/all/GENRE_CHOREOGRAPHY_TAKE.mp3`.

Person 00 follows, 01 leads. Its own split is by choreography: every fifth is for tests; of ballet, the ninth and tenth.
"""

from __future__ import annotations

import re
from pathlib import Path

from infinitedance_cli.stages.dataset.layouts.recording import LayoutOptions, Recording, below, files, song_file

NAME = "DD100"
DESCRIPTION = "motion/smplx/all/*.npy, music/mp3/all/"
LICENCE = "NTU S-Lab License 1.0: non-commercial"
CREDIT = "Siyao et al., Duolando, ICLR 2024"

_PATTERN = re.compile(r"(?P<take>(?P<genre>[^_]+)_(?P<choreography>\d+)_\d+)_(?P<person>00|01)")
_ROLES = {"00": "follow", "01": "lead"}
_BALLET_TESTS = (9, 10)


def recordings(folder: Path, options: LayoutOptions) -> list[Recording]:
    """Both dancers of every take. Who the dancers are is not published."""
    inner = below(folder, "data")
    motions = below(inner, "motion/smplx/all", "motion/smplx", "smplx/all")
    songs = (options.music, inner / "music/mp3/all", inner / "music/mp3")
    return [_recording(path, songs) for path in files(motions, "*.npy", "DD100's folder motion/smplx/all")]


def _recording(path: Path, songs: tuple[Path | None, ...]) -> Recording:
    match = _PATTERN.fullmatch(path.stem)
    if match is None:
        return Recording(path, path.stem)
    number = int(match["choreography"])
    tests = number in _BALLET_TESTS if match["genre"] == "Ballet" else number % 5 == 0
    return Recording(
        path,
        path.stem,
        genre=match["genre"].lower(),
        song=song_file(songs, match["take"]),
        song_name=f"DD100 {match['genre']}_{match['choreography']}",
        recording=f"DD100 {match['genre']}_{match['choreography']}",
        split="test" if tests else "train",
        role=_ROLES[match["person"]],
    )
