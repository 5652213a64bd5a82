"""Named arrays from `.npz` and `.pkl` files, without running anything that a file may bring."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._safe_pickle import load_arrays

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy raises on a file that is no archive of arrays, or on one that is cut."""


class Arrays:
    """The arrays of one file by name, read when they are asked for. Raises BadInput when it is no such file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data: Any = None
        if path.suffix.lower() == ".pkl":
            self._data = load_arrays(path)
            if not isinstance(self._data, dict):
                raise BadInput(f"{path}: holds {type(self._data).__name__}; expected a dictionary of arrays")
            return
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
                if not isinstance(data, np.lib.npyio.NpzFile):
                    raise BadInput(f"{path}: is one array; expected an .npz archive of named arrays")
                self.names = frozenset(data.files)
        except UNREADABLE as error:
            raise BadInput(f"{path}: is no .npz archive that can be read ({error})") from error

    @property
    def keys(self) -> frozenset[str]:
        """All names."""
        return self.names if self._data is None else frozenset(str(key) for key in self._data)

    def get(self, *names: str) -> NDArray[Any] | None:
        """The first of these names that the file has, else None."""
        for name in names:
            if name in self.keys:
                return np.asarray(self._load(name))
        return None

    def floats(self, *names: str) -> NDArray[np.float64]:
        """The first of these names as float64. Raises BadInput when there is none or it holds no numbers."""
        values = self.get(*names)
        if values is None:
            raise BadInput(
                f"{self.path}: no {' or '.join(names)} in it; found {', '.join(sorted(self.keys)) or 'nothing'}"
            )
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise BadInput(f"{self.path}: {names[0]} holds {values.dtype}; expected numbers") from error

    def number(self, *names: str, default: float | None = None) -> float:
        """The first of these names as one number. Raises BadInput when it is not one."""
        if default is not None and not self.keys.intersection(names):
            return default
        values = self.floats(*names)
        if values.size != 1 or not np.isfinite(values).all():
            raise BadInput(f"{self.path}: {names[0]} has shape {values.shape}; expected one finite number")
        return float(values.reshape(-1)[0])

    def text(self, name: str, default: str) -> str:
        """A text, also where it was saved as bytes; `default` when there is none that can be read safely."""
        try:
            values = self.get(name)
        except BadInput:
            return default
        if values is None or values.size != 1:
            return default
        value = values.reshape(-1)[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def _load(self, name: str) -> Any:
        if self._data is not None:
            return self._data[name]
        try:
            with open(self.path, "rb") as file, np.load(file, allow_pickle=False) as data:
                return data[name]
        except UNREADABLE as error:
            raise BadInput(f"{self.path}: {name} cannot be read ({error})") from error


def keys_of(path: Path) -> frozenset[str]:
    """The names in a file, none when it cannot be read: for `matches`."""
    try:
        return Arrays(path).keys
    except BadInput:
        return frozenset()
