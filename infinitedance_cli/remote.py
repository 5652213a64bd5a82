"""Files that lie elsewhere: `s3://…`, `gs://…`, `https://…` and whatever else fsspec knows, brought here to be read."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, cast

from infinitedance_cli.errors import BadInput, MissingResource, StageFailed
from infinitedance_cli.plugins import missing_library

_URL = re.compile(r"[a-z][a-z0-9+.-]*(::[a-z][a-z0-9+.-]*)*://", re.IGNORECASE)


def is_remote(name: str) -> bool:
    """Whether a name is a URL rather than a path."""
    return _URL.match(name) is not None


def last_part(url: str) -> str:
    """The file name at the end of a URL."""
    return PurePosixPath(url.split("?", 1)[0].rstrip("/")).name


@contextmanager
def fetched(url: str) -> Iterator[Path]:
    """A copy of a remote file under its own name, deleted afterwards; what is said of the copy names the URL.

    Raises BadInput when it is not there or cannot be read, MissingResource when a library for it is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="idance-") as folder:
        path = fetch(url, Path(folder))
        try:
            yield path
        except (BadInput, StageFailed) as error:
            raise type(error)(str(error).replace(str(path), url)) from error


def fetch(url: str, folder: Path) -> Path:
    """Copies a remote file into a folder; raises as `fetched`."""
    path = folder / (last_part(url) or "file")
    with _clear(url), open_remote(url) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return path


def open_remote(url: str) -> Any:
    """A remote file opened for reading bytes, seekable where the server can. Raises as `fetched`."""
    system, path = _filesystem(url)
    with _clear(url):
        return system.open(path, "rb")


def is_file(url: str) -> bool:
    """Whether there is a remote file. Raises as `fetched`."""
    system, path = _filesystem(url)
    with _clear(url):
        return bool(system.isfile(path))


def exists(url: str) -> bool:
    """Whether there is a remote file or folder. Raises as `fetched`."""
    system, path = _filesystem(url)
    with _clear(url):
        return bool(system.exists(path))


def files_below(url: str, endings: Sequence[str]) -> list[str] | None:
    """URLs of the files of these endings in a remote folder and below, sorted; None where the URL is no folder."""
    system, path = _filesystem(url)
    with _clear(url):
        if not system.isdir(path):
            return None
        found = sorted(str(one) for one in cast("list[str]", system.find(path)))
    return [str(system.unstrip_protocol(one)) for one in found if one.lower().endswith(tuple(endings))]


def _filesystem(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise missing_library("fsspec", f"reading {url}") from error
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:  # s3fs, gcsfs, aiohttp …: fsspec says which
        raise MissingResource(f"{url}: {' '.join(str(error).split())}") from error
    except ValueError as error:
        raise BadInput(f"{url}: {error}; expected a path, or a URL that fsspec knows") from error
    return system, path


@contextmanager
def _clear(url: str) -> Iterator[None]:
    """Network libraries raise errors of their own kinds; most are OSError, the others tell of access or of the name."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
        missing = isinstance(error, FileNotFoundError)
        raise BadInput(
            f"{url}: {'no such file' if missing else f'cannot be read ({reason})'}; check the URL"
        ) from error
