"""Which videos are meant: files, folders of them, lists of names, and standard input."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.music.sources import as_binary, open_source

PIPE = "-"
ENDINGS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".wmv")
LIST_ENDING = ".txt"
_STDIN_NAME = "stdin"


def find_videos(inputs: Sequence[str]) -> list[str]:
    """The videos that `inputs` name, each once: a folder stands for all videos in it and below, sorted by path; a .txt
    file for those that it lists, one path a line, relative to its own folder.

    Raises UsageError when there are none or `-` is a terminal or given twice, BadInput when a named file is missing.
    """
    if not inputs:
        raise UsageError("no video was given; name videos or a folder of them, - for one on stdin, or give --webcam")
    found: dict[str, None] = {}
    for name in inputs:
        for video in _expanded(name):
            if video == PIPE and PIPE in found:
                raise UsageError("- (standard input) was given twice; it can be read once")
            found[video] = None
    return list(found)


def _expanded(name: str) -> Iterator[str]:
    path = Path(name)
    if name == PIPE:
        if sys.stdin.isatty():
            raise UsageError("standard input is a terminal; pipe a video into it, or name one")
        yield name
    elif path.is_dir():
        videos = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
        if not videos:
            raise BadInput(f"{path}: no videos in this folder; expected files that end in {', '.join(ENDINGS)}")
        yield from map(str, videos)
    elif not path.exists():
        raise BadInput(f"{path}: no such file; name a video, or a folder of them")
    elif path.suffix.lower() == LIST_ENDING:
        yield from _listed(path)
    else:
        yield name


def _listed(path: Path) -> Iterator[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is no list of videos; expected text, one path a line") from error
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not names:
        raise BadInput(f"{path}: the list is empty; expected one path of a video a line")
    for name in names:
        yield str(path.parent / name)


def stem(video: str) -> str:
    """What clips of a video are called."""
    return _STDIN_NAME if video == PIPE else Path(video).stem or Path(video).name


@contextmanager
def local_file(video: str) -> Iterator[Path]:
    """The video as a file that can be opened several times; what comes from a pipe is written to a temporary one.

    Raises BadInput when it is missing, a folder, or empty.
    """
    with open_source(video) as source:
        if isinstance(source, str):
            yield Path(source)
            return
        with tempfile.NamedTemporaryFile(prefix="idance-", suffix=".video") as copy:
            with as_binary(source) as stream:
                shutil.copyfileobj(stream, copy)
            copy.flush()
            yield Path(copy.name)
