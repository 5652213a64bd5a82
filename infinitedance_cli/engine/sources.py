"""Which videos or songs are meant: files, folders of them, lists of names, URLs, and standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from infinitedance_cli import remote
from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.stream.ports import PIPE

LIST_ENDING = ".txt"
_STDIN_NAME = "stdin"


def find_sources(inputs: Sequence[str], endings: Sequence[str], what: str) -> list[str]:
    """The files that `inputs` name, each once: a folder stands for all files of these endings in it and below, sorted
    by path; a .txt file for those that it lists, one a line, relative to its own folder. `what`: "video" or "song".

    Raises UsageError when there are none or `-` is a terminal or given twice, BadInput when a named file is missing.
    """
    if not inputs:
        raise UsageError(f"no {what} was given; name {what}s or a folder of them, or - for one on stdin")
    found: dict[str, None] = {}
    for name in inputs:
        for source in _expanded(name, endings, what):
            if source == PIPE and PIPE in found:
                raise UsageError("- (standard input) was given twice; it can be read once")
            found[source] = None
    return list(found)


def _expanded(name: str, endings: Sequence[str], what: str) -> Iterator[str]:
    path = Path(name)
    if name == PIPE:
        if sys.stdin.isatty():
            raise UsageError(f"standard input is a terminal; pipe a {what} into it, or name one")
        yield name
    elif remote.is_remote(name):
        yield from _remote(name, endings, what)
    elif path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in endings and file.is_file())
        if not files:
            raise BadInput(f"{path}: no {what}s in this folder; expected files that end in {', '.join(endings)}")
        yield from map(str, files)
    elif not path.exists():
        raise BadInput(f"{path}: no such file; name a {what}, or a folder of them")
    elif path.suffix.lower() == LIST_ENDING:
        yield from _listed(path, what)
    else:
        yield name


def _remote(url: str, endings: Sequence[str], what: str) -> Iterator[str]:
    files = remote.files_below(url, endings)
    if files is None:
        if not remote.exists(url):
            raise BadInput(f"{url}: no such file; name a {what}, or a folder of them")
        yield url
        return
    if not files:
        raise BadInput(f"{url}: no {what}s in this folder; expected files that end in {', '.join(endings)}")
    yield from files


def _listed(path: Path, what: str) -> Iterator[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is no list of {what}s; expected text, one path a line") from error
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not names:
        raise BadInput(f"{path}: the list is empty; expected one path of a {what} a line")
    for name in names:
        yield name if remote.is_remote(name) else str(path.parent / name)


def stem(source: str) -> str:
    """What clips of a video or song are called."""
    if source == PIPE:
        return _STDIN_NAME
    name = remote.last_part(source) if remote.is_remote(source) else source
    return PurePosixPath(name).stem or PurePosixPath(name).name
