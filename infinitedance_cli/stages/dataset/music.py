"""Clips with beats and features of their songs, as training wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infinitedance_cli.engine.task import Work, one_by_one
from infinitedance_cli.music.features import DEFAULT_ENCODER


@dataclass(frozen=True)
class MusicConfig:
    """`songs`: files or folders to find songs in, before the paths that clips name; `encoder` hears them."""

    songs: tuple[str, ...] = ()
    encoder: str = DEFAULT_ENCODER


def open_stage(config: MusicConfig) -> Work:
    """The stage with its encoder. Raises UsageError and MissingResource as `load_encoder`."""
    from infinitedance_cli.models.device import use_one_thread
    from infinitedance_cli.music.clip_songs import Songs
    from infinitedance_cli.music.features import load_encoder

    use_one_thread()
    songs = Songs([Path(name) for name in config.songs], load_encoder(config.encoder))
    return Work(one_by_one(lambda clips: map(songs.told, clips)))
