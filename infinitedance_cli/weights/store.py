"""The cache of fetched models: what is there, bringing what is not, and taking it away.

A model lies in `<cache>/models/<name>-<key>`, where the key changes with the files that this version expects; the
cache is `$IDANCE_CACHE`, otherwise `idance` in the user's cache folder. A folder appears under its name only when all
its files are there and have the expected hashes. Data that a model refers to lie beside it, in `<name>-<key>.data`.
Downloads go on where they broke off, and of several processes that want a model one downloads.
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
from typing import Any

from infinitedance_cli import plugins
from infinitedance_cli.errors import MissingResource, UsageError
from infinitedance_cli.weights import fetch, hub, take
from infinitedance_cli.weights.room import full_disk_is_said, readable_size
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
    noted = noted_of(source)
    if not noted:
        return State.DAMAGED if place.is_dir() else State.ABSENT
    sizes: dict[str, int] = noted["files"]
    there = {name: (place / name).stat().st_size if (place / name).is_file() else -1 for name in sizes}
    whole = there == sizes and all((_data(source) / name).is_dir() for name in noted.get("data", ()))
    return State.READY if whole else State.DAMAGED


def noted_of(source: ModelSource) -> dict[str, Any]:
    """What was noted when a model came: `origin`, `files`, from a hub `revision` and `sha256`; empty without it."""
    try:
        noted = json.loads((folder(source) / _MANIFEST).read_text())
        return noted if isinstance(noted["files"], dict) else {}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


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
            f"accepted first; run: idance models add {name} ({readable_size(source.download_size)}), or, with files "
            f"that you have: idance models add {name} --from PATH"
        )
    return add(source)


def add(source: ModelSource, given: Path | None = None, revision: str = "") -> Path:
    """Bring a model into the cache, from the `given` file or folder or from its origin, and return its folder.

    A `revision` is a commit, branch or tag of its repository to be fetched instead of the one of the catalogue. The
    licence is the caller's business. Raises MissingResource where it cannot be fetched, StageFailed where the disk is
    full, BadInput where a file is not the expected one, UsageError where it is here from another revision or has none.
    """
    place = folder(source)
    wanted = source.at(revision) if revision else source
    with _only_one(source):
        noted = noted_of(source)
        if state(source) is State.READY:
            _require_revision(source, noted, revision)
            return place
        if noted.get("revision") and not revision and given is None:
            wanted = source.at(noted["revision"])
        with full_disk_is_said(cache_folder(), f"the model '{source.name}'"):
            _bring(source, wanted, given, place)
    return place


def _bring(source: ModelSource, wanted: ModelSource, given: Path | None, place: Path) -> None:
    # Conversions resolve what they keep.
    partial, data = place.with_name(f".partial-{place.name}"), _data(source).resolve()
    fetched = data if source.in_place else partial / "files"
    partial.mkdir(parents=True, exist_ok=True)
    noted: dict[str, Any] = {"name": source.name, "origin": str(given or wanted.origin)}
    if given is not None and source.in_place:
        fetched = take.own_folder(given)
    else:
        fetched.mkdir(parents=True, exist_ok=True)
        if given is not None:
            take.take(source, given, fetched)
        else:
            noted |= fetch.fetch(wanted, fetched, place)
    ready, kept = _converted(source, fetched, partial / "converted") if source.convert else (fetched, ())
    hub.tidy(ready)
    noted["data"] = [path.relative_to(data).as_posix() for path in kept if path.is_relative_to(data)]
    noted["files"] = {
        path.relative_to(ready).as_posix(): path.stat().st_size for path in ready.rglob("*") if path.is_file()
    }
    _write(ready / _MANIFEST, noted)
    if place.exists():
        shutil.rmtree(place)
    ready.rename(place)
    _prune(data, kept)
    shutil.rmtree(partial, ignore_errors=True)


def _require_revision(source: ModelSource, noted: dict[str, Any], revision: str) -> None:
    if revision and revision not in (noted.get("revision"), noted.get("asked")):
        here = str(noted.get("revision") or noted["origin"])
        raise UsageError(
            f"the model '{source.name}' is here from {here}, not from {revision}; to have that one, run first: "
            f"idance models remove {source.name}"
        )


def remove(source: ModelSource) -> int:
    """Delete a model, all its versions and what a broken download left; return how many bytes that freed."""
    freed = 0
    with _only_one(source):
        for path in [*_versions(source, ""), *_versions(source, ".partial-"), *_versions(source, "", ".data")]:
            freed += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            shutil.rmtree(path)
    return freed


def _versions(source: ModelSource, prefix: str, suffix: str = "") -> list[Path]:
    # A key is ten hexadecimal digits: names may continue each other, as blazepose and blazepose-heavy do.
    return sorted((cache_folder() / "models").glob(f"{prefix}{source.name}-{'[0-9a-f]' * 10}{suffix}"))


def _data(source: ModelSource) -> Path:
    """What is downloaded for a model that is read in place."""
    place = folder(source)
    return place.with_name(f"{place.name}.data")


def _converted(source: ModelSource, fetched: Path, target: Path) -> tuple[Path, tuple[Path, ...]]:
    """The folder that the conversion wrote, and the folders that it goes on to refer to."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    module, _, function = source.convert.partition(":")
    kept = getattr(import_module(module), function)(fetched, target)
    return target, tuple(kept or ())


def _prune(data: Path, kept: tuple[Path, ...]) -> None:
    """Delete of downloaded data all but the folders that are kept."""
    for above, folders, files in os.walk(data):
        folders[:] = [name for name in folders if Path(above, name) not in kept]
        for name in files:
            Path(above, name).unlink()
    for path in sorted(data.glob("**/"), reverse=True):
        if not any(path.is_relative_to(one) for one in kept) and not any(path.iterdir()):
            path.rmdir()


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
