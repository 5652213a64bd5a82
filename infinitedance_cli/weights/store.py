"""The cache of fetched models: what is there, bringing what is not, and taking it away.

A model lies in `<cache>/models/<name>-<key>`, where the key changes with the files that this version expects; the
cache is `$IDANCE_CACHE`, otherwise `idance` in the user's cache folder. A folder appears under its name only when all
its files are there and have the expected hashes. Downloads go on where they broke off, and of several processes that
want a model one downloads.
"""

from __future__ import annotations

import enum
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from infinitedance_cli import plugins
from infinitedance_cli.errors import MissingResource
from infinitedance_cli.weights import fetch, take
from infinitedance_cli.weights.source import ModelSource, UserFolder

_MANIFEST = "idance-model.json"


class State(enum.Enum):
    """`READY` to be used; `ABSENT`; `DAMAGED`: a file is missing or has another size than when it came."""

    READY = "ready"
    ABSENT = "absent"
    DAMAGED = "damaged"


def names() -> tuple[str, ...]:
    """The sorted names of all models that are known."""
    return plugins.names("weights")


def find(name: str) -> ModelSource:
    """The source of a model. Raises UsageError, with the names that there are, when it is unknown."""
    source: ModelSource = plugins.load("weights", name).SOURCE
    return source


def cache_folder() -> Path:
    """Where fetched models and accepted licences are kept."""
    own = os.environ.get("IDANCE_CACHE", "")
    if own:
        return Path(own).expanduser()
    user = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(user) if user else Path.home() / ".cache") / "idance"


def folder(source: ModelSource) -> Path:
    """Where the files of a model lie once they are there."""
    facts = repr((source.files, source.origin, source.convert))
    return cache_folder() / "models" / f"{source.name}-{hashlib.sha256(facts.encode()).hexdigest()[:10]}"


def state(source: ModelSource) -> State:
    """Whether a model can be used, by the names and sizes of its files."""
    place = folder(source)
    try:
        sizes: dict[str, int] = json.loads((place / _MANIFEST).read_text())["files"]
    except FileNotFoundError:
        return State.DAMAGED if place.is_dir() else State.ABSENT
    except (ValueError, KeyError, TypeError):
        return State.DAMAGED
    there = {name: (place / name).stat().st_size if (place / name).is_file() else -1 for name in sizes}
    return State.READY if there == sizes else State.DAMAGED


def accepted(source: ModelSource) -> str:
    """When the licence was accepted, in ISO 8601; empty where it was not."""
    try:
        found = json.loads(_acceptance(source).read_text())
    except (FileNotFoundError, ValueError):
        return ""
    return str(found.get("accepted", "")) if found.get("licence") == source.licence.name else ""


def accept(source: ModelSource) -> None:
    """Note that the user has accepted the licence of a model."""
    path = _acceptance(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    noted = {
        "model": source.name,
        "licence": source.licence.name,
        "url": source.licence.url,
        "accepted": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _write(path, noted)


def require(name: str) -> Path:
    """The folder of a model, fetched now where it is not there yet.

    Raises MissingResource where it cannot be fetched, or where a licence has to be accepted or the user has to bring
    the files first; the message says how.
    """
    source = find(name)
    if state(source) is State.READY:
        return folder(source)
    if isinstance(source.origin, UserFolder):
        raise MissingResource(
            f"the model '{name}' is not here: {source.origin.instructions}, then run: "
            f"idance models add {name} --from PATH"
        )
    if source.licence.must_accept and not accepted(source):
        raise MissingResource(
            f"the model '{name}' is not here, and its licence, {source.licence.name} ({source.licence.url}), has to be "
            f"accepted first; run: idance models add {name}"
        )
    return add(source)


def add(source: ModelSource, given: Path | None = None) -> Path:
    """Bring a model into the cache, from the `given` file or folder or from its origin, and return its folder.

    The licence is the caller's business. Raises MissingResource where it cannot be fetched, BadInput where a file is
    not the expected one.
    """
    place = folder(source)
    with _only_one(source):
        if state(source) is State.READY:
            return place
        partial = place.with_name(f".partial-{place.name}")
        fetched = partial / "files"
        fetched.mkdir(parents=True, exist_ok=True)
        if given is not None and source.in_place:
            fetched = take.own_folder(given)
        elif given is not None:
            take.take(source, given, fetched)
        else:
            fetch.fetch(source, fetched, place)
        ready = _converted(source, fetched, partial / "converted") if source.convert else fetched
        files = {path.relative_to(ready).as_posix(): path.stat().st_size for path in ready.rglob("*") if path.is_file()}
        _write(ready / _MANIFEST, {"name": source.name, "origin": str(given or source.origin), "files": files})
        if place.exists():
            shutil.rmtree(place)
        ready.rename(place)
        shutil.rmtree(partial, ignore_errors=True)
    return place


def remove(source: ModelSource) -> int:
    """Delete a model, all its versions and what a broken download left; return how many bytes that freed."""
    freed = 0
    with _only_one(source):
        for path in [*_versions(source, ""), *_versions(source, ".partial-")]:
            freed += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            shutil.rmtree(path)
    return freed


def _versions(source: ModelSource, prefix: str) -> list[Path]:
    # A key is ten hexadecimal digits: names may continue each other, as blazepose and blazepose-heavy do.
    return sorted((cache_folder() / "models").glob(f"{prefix}{source.name}-{'[0-9a-f]' * 10}"))


def _converted(source: ModelSource, fetched: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    module, _, function = source.convert.partition(":")
    getattr(import_module(module), function)(fetched, target)
    return target


@contextmanager
def _only_one(source: ModelSource) -> Iterator[None]:
    """Hold the lock of a model: of several processes that want it, one works and the others wait."""
    from filelock import FileLock

    models = cache_folder() / "models"
    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / f".{source.name}.lock"):
        yield


def _acceptance(source: ModelSource) -> Path:
    return cache_folder() / "licences" / f"{source.name}.json"


def _write(path: Path, content: object) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.replace(path)
