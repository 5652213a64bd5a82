"""Motorica: `bvh/*.bvh` at 120 fps and sound files of the same names; splits are not part of the data.

A name is session_genre_situation_camera_dancer_music_choreography, as in
`kthstreet_gLO_sFM_cAll_d02_mLO_ch01_arethafranklinrocksteady_002`; some leave out music and choreography.
"""

from __future__ import annotations

from pathlib import Path

from infinitedance_cli.stages.dataset.layouts.recording import LayoutOptions, Recording, below, files, song_file

NAME = "Motorica Dance Dataset"
DESCRIPTION = "bvh/*.bvh, songs beside them, in wav/ or --music"
LICENCE = "Motorica Dance Dataset terms: research only, no redistribution"
CREDIT = "Motorica Dance Dataset; Alexanderson et al. 2023, Valle-Pérez et al. 2021"

# Codes of its own, of which gLH is hip-hop where AIST's is LA-style hip-hop.
_GENRES = {
    "gLH": "hip-hop",
    "gKR": "krump",
    "gPO": "popping",
    "gLO": "locking",
    "gJZ": "jazz",
    "gCH": "charleston",
    "gTP": "tap",
    "gCA": "casual",
}


def recordings(folder: Path, options: LayoutOptions) -> list[Recording]:
    """All motions of the set. Dancers have numbers of their own in each session."""
    motions = files(below(folder, "bvh"), "*.bvh", "Motorica's folder bvh")
    songs = (options.music, folder / "wav", folder / "audio", folder / "music", motions[0].parent)
    return [named(path, songs) for path in motions]


def named(path: Path, songs: tuple[Path | None, ...]) -> Recording:
    """What a file's name tells."""
    session, *tags = path.stem.split("_")
    genre = next((tag for tag in tags if tag in _GENRES), "")
    dancer = next((tag for tag in tags if tag[:1] == "d" and tag[1:].isdigit()), "")
    return Recording(
        path,
        path.stem,
        genre=_GENRES.get(genre, ""),
        song=song_file(songs, path.stem),
        song_name=_song(path.stem),
        performer=f"Motorica {session} {dancer}" if dancer else "",
        recording=path.stem,
    )


def _song(stem: str) -> str:
    """What the name says of the song: the words after the choreography, without the number of the take."""
    words = stem.split("_")
    after = next((n for n, word in enumerate(words) if word[:2] == "ch" and word[2:].isdigit()), len(words))
    rest = words[after + 1 :]
    return "_".join(rest[:-1] if len(rest) > 1 and rest[-1].isdigit() else rest)
