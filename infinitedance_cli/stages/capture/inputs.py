"""Which videos are meant, and the files to open for them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infinitedance_cli.engine.sources import find_sources, stem
from infinitedance_cli.music.sources import as_binary, open_source
from infinitedance_cli.stream.ports import PIPE

__all__ = ["ENDINGS", "PIPE", "find_videos", "local_file", "stem"]

ENDINGS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".wmv")


def find_videos(inputs: Sequence[str]) -> list[str]:
    """The videos that `inputs` name; see `infinitedance_cli.engine.sources.find_sources`."""
    return find_sources(inputs, ENDINGS, "video")


@contextmanager
def local_file(video: str) -> Iterator[Path]:
    """The video as a file that can be opened several times; what comes from a pipe is written to a temporary one.

    Raises BadInput when it is missing, a folder, or empty.
    """
    with open_source(video) as source:
        if isinstance(source, str | Path):
            yield Path(source)
            return
        with tempfile.NamedTemporaryFile(prefix="idance-", suffix=".video") as copy:
            with as_binary(source) as stream:
                shutil.copyfileobj(stream, copy)
            copy.flush()
            yield Path(copy.name)
