"""Take the files of a model from what a user has: a folder, a wheel or other zip, a tar, or the one file itself."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from infinitedance_cli.errors import BadInput
from infinitedance_cli.weights import verify
from infinitedance_cli.weights.source import ModelSource


class _Container(Protocol):
    def names(self) -> list[str]: ...

    def open(self, name: str) -> IO[bytes]: ...


def take(source: ModelSource, given: Path, target: Path) -> None:
    """Copy the files of a model from the given place into the target folder and check their hashes.

    A file is found by its path at the origin, otherwise by its name alone. A model that leaves its files open gets all
    that there are. Raises BadInput where a file is missing or is not the expected one.
    """
    if not given.exists():
        raise BadInput(f"{given}: there is no such file or folder; check the path")
    with _opened(given) as container:
        there = container.names()
        if not source.files:
            for name in there:
                _copy(container, name, target / _within(given, name))
            return
        alone = len(source.files) == len(there) == 1
        for file in source.files:
            found = there[0] if alone else _find(there, file.source_name, file.name)
            if found is None:
                raise BadInput(f"{given}: it has no {file.source_name}; expected what {source.origin} has")
            _copy(container, found, target / file.name)
            verify.check(target / file.name, file, str(given))


def own_folder(given: Path) -> Path:
    """The user's folder, as it is. Raises BadInput where it is none."""
    if not given.is_dir():
        raise BadInput(f"{given}: there is no such folder; expected the folder that the model's files lie in")
    return given.resolve()


def _within(given: Path, name: str) -> PurePosixPath:
    """The path of a member as it may be used: nothing is written outside of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BadInput(f"{given}: it has a file called {name!r}; expected names within the archive; do not trust it")
    return path


def _find(there: list[str], path: str, name: str) -> str | None:
    same = [each for each in there if each == path or each.endswith(f"/{path}")]
    alike = [each for each in there if PurePosixPath(each).name == name]
    return next(iter([*same, *alike]), None)


def _copy(container: _Container, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with container.open(name) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        return sorted(path.relative_to(self._path).as_posix() for path in self._path.rglob("*") if path.is_file())

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")


class _File(_Folder):
    def __init__(self, path: Path) -> None:
        super().__init__(path.parent)
        self._name = path.name

    def names(self) -> list[str]:
        return [self._name]


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def names(self) -> list[str]:
        return [info.filename for info in self._archive.infolist() if not info.is_dir()]

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)


class _Tar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def names(self) -> list[str]:
        return [member.name for member in self._archive if member.isfile()]

    def open(self, name: str) -> IO[bytes]:
        found = self._archive.extractfile(name)
        assert found is not None, "only regular files are named"
        return found


@contextmanager
def _opened(given: Path) -> Iterator[_Container]:
    """Any of the containers, told by content: a PyTorch checkpoint is a zip too, and stays the file that it is."""
    archived = given.suffix.lower() in {".whl", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"}
    try:
        if given.is_dir():
            yield _Folder(given)
        elif archived and zipfile.is_zipfile(given):
            with zipfile.ZipFile(given) as archive:
                yield _Zip(archive)
        elif archived:
            with tarfile.open(given) as tar:
                yield _Tar(tar)
        else:
            yield _File(given)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise BadInput(f"{given}: it is no whole archive ({error}); get it again") from error
