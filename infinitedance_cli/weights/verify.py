"""Hashes of files against those that a model is pinned to."""

from __future__ import annotations

import hashlib
from pathlib import Path

from infinitedance_cli.errors import BadInput
from infinitedance_cli.weights.source import ModelFile


def check(path: Path, expected: ModelFile, where: str) -> None:
    """Raise BadInput, naming `where` the file is from, unless its size and SHA-256 are the expected ones."""
    _check_size(path, expected, where)
    found = digest(path)
    if found != expected.sha256:
        raise BadInput(
            f"{where}: {expected.source_name} has the SHA-256 {found[:16]}…; expected {expected.sha256[:16]}…; it is "
            "another version or was changed: get the one that this version of idance is pinned to"
        )


def check_blob(path: Path, expected: ModelFile, blob: str, where: str) -> None:
    """Raise BadInput, naming `where` the file is from, unless it has the expected size and is the `blob` of git."""
    _check_size(path, expected, where)
    # As git hashes files; the hub states nothing better for what it does not keep in large file storage.
    hashed = hashlib.sha1(f"blob {expected.size}\0".encode(), usedforsecurity=False)
    hashed.update(path.read_bytes())
    if hashed.hexdigest() != blob:
        raise BadInput(
            f"{where}: {expected.source_name} is the git blob {hashed.hexdigest()[:12]}; expected {blob[:12]}, as the "
            "hub says; it was changed on the way: run it again"
        )


def matches(path: Path, expected: ModelFile) -> bool:
    """Whether the file has the expected size and SHA-256; False when it is not there."""
    return path.is_file() and path.stat().st_size == expected.size and digest(path) == expected.sha256


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_size(path: Path, expected: ModelFile, where: str) -> None:
    size = path.stat().st_size
    if size != expected.size:
        raise BadInput(
            f"{where}: {expected.source_name} has {size} bytes; expected {expected.size}; it is another version or was "
            "cut short: get it again"
        )
