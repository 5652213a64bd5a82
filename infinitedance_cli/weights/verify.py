"""Hashes of files against those that a model is pinned to."""

from __future__ import annotations

import hashlib
from pathlib import Path

from infinitedance_cli.errors import BadInput
from infinitedance_cli.weights.source import ModelFile


def check(path: Path, expected: ModelFile, where: str) -> None:
    """Raise BadInput, naming `where` the file is from, unless its size and SHA-256 are the expected ones."""
    size = path.stat().st_size
    if size != expected.size:
        raise BadInput(
            f"{where}: {expected.source_name} has {size} bytes; expected {expected.size}; it is another version or was "
            "cut short: get it again"
        )
    found = digest(path)
    if found != expected.sha256:
        raise BadInput(
            f"{where}: {expected.source_name} has the SHA-256 {found[:16]}…; expected {expected.sha256[:16]}…; it is "
            "another version or was changed: get the one that this version of idance is pinned to"
        )


def matches(path: Path, expected: ModelFile) -> bool:
    """Whether the file has the expected size and SHA-256; False when it is not there."""
    return path.is_file() and path.stat().st_size == expected.size and digest(path) == expected.sha256


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
