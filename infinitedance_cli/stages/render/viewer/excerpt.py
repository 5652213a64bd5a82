"""Which stretch of which file a clip was danced to."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.music.sources import file_sha256

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SongExcerpt:
    """`duration_s` seconds of the file `path` from `start_s` on."""

    path: Path
    start_s: float
    duration_s: float

    @property
    def place(self) -> tuple[Path, float]:
        """Where it begins: excerpts of one place differ in length only."""
        return self.path, self.start_s


def find_song(clip: MotionClip, song: Path | None = None) -> SongExcerpt | None:
    """The sound of a clip: `song`, or the file that the clip names, if it is still the same; else None, and a warning."""
    start_s = song_start(clip)
    if song is not None:
        return SongExcerpt(song, start_s, clip.duration_s)
    if clip.music is None or not clip.music.path:
        logger.warning("%s: names no song; it is shown without sound (give one with --song)", clip.clip_id)
        return None
    path = Path(clip.music.path)
    if not path.is_file():
        logger.warning(
            "%s: its song %s is not there; it is shown without sound (name it with --song)", clip.clip_id, path
        )
        return None
    if clip.music.sha256 and file_sha256(path) != clip.music.sha256:
        logger.warning(
            "%s: %s is not the file that was danced to (its hash differs); it is shown without sound "
            "(to play it all the same, name it with --song)",
            clip.clip_id,
            path,
        )
        return None
    return SongExcerpt(path, start_s, clip.duration_s)


def song_start(clip: MotionClip) -> float:
    """Second of the song at the clip's first frame: what `idance generate --start` was given, else 0."""
    for record in reversed(clip.provenance):
        if record.get("stage") == "generate":
            config = record.get("config", {})
            return float(config.get("start") or 0.0) if isinstance(config, dict) else 0.0
    return 0.0
