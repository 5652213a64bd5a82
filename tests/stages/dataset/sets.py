"""Made-up clips and listings for tests of data sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from infinitedance_cli.motion.clip import Group, Labels, MotionClip, MusicTrack
from infinitedance_cli.stream.facts import ClipFacts
from infinitedance_cli.stream.ports import write_clips
from tests.stream.clips import small_clip


def clip(
    clip_id: str, *, frames: int = 6, genre: str = "salsa", song: str = "", seed: int = 0, **facts: str
) -> MotionClip:
    """A small clip with labels, a song and what `/dataset` says of it."""
    return replace(
        small_clip(clip_id, frames=frames, seed=seed),
        labels=Labels(genre),
        music=MusicTrack(sha256=song) if song else None,
        extra={"dataset": Group({}, facts)} if facts else {},
    )


def written(path: Path, *clips: MotionClip) -> Path:
    """A file with these clips."""
    write_clips(clips, str(path))
    return path


def listing(clips: int, *, genres: int = 5, songs: int = 200, performers: int = 100) -> list[ClipFacts]:
    """Facts of clips of different lengths; a song has up to three performers, a performer several songs."""
    return [
        ClipFacts(
            clip_id=f"clip{number:05d}",
            frames=150 + 37 * number % 600,
            fps=30.0,
            genre=f"genre{number % songs % genres}",
            song=f"song{number % songs}",
            performer=f"performer{number % songs % performers}",
        )
        for number in range(clips)
    ]
