"""Reference sets: the features of real dances, with a hash that says which."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.evaluate.dances import Dance, read_dances
from infinitedance_cli.stages.evaluate.metrics.spaces import LEAST_FRAMES, RULES, SPACES, FeatureRule, feature_row

STARTER = "starter"
STARTER_FILE = "starter.idance-stats.npz"
LEAST_REFERENCE_FRAMES = 150
"""Dances shorter than this, at 30 fps, do not stand for a dancer: their averages are too noisy."""

_MARK, _VERSION = "idance_statistics", "1.0"
_RELEASE_KEYS = frozenset(("names", "kinetic", "manual"))
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)

Features = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Reference:
    """Features of real dances.

    `rules` maps the name of a feature rule to `SPACES` of it: (M, D) float32 rows, one a dance. `joint` may be missing.
    `sha256` is that of all rows. No poses are in it.
    """

    name: str
    dances: int
    rules: Mapping[str, Features]

    @property
    def sha256(self) -> str:
        """Hash of the rows, whatever the file they came in."""
        digest = hashlib.sha256()
        for rule in sorted(self.rules):
            for space in sorted(self.rules[rule]):
                values = self.rules[rule][space]
                digest.update(f"{rule}/{space}{values.shape}".encode())
                digest.update(np.ascontiguousarray(values, dtype="<f4").tobytes())
        return digest.hexdigest()

    def features(self, rule: str) -> Features:
        """Rows by space under one feature rule. Raises BadInput when the set was made without it."""
        if rule not in self.rules:
            raise BadInput(
                f"reference {self.name}: it has features by the rules {', '.join(sorted(self.rules))}, not {rule!r}; "
                "make statistics of your dances with `idance evaluate --make-stats`, or choose another protocol"
            )
        return self.rules[rule]

    def statement(self) -> dict[str, Any]:
        """Which set it is, as plain values."""
        return {"name": self.name, "dances": self.dances, "sha256": self.sha256}


def load_reference(name: str, rule: str, rest_joints: NDArray[np.floating] | None, fps: float | None) -> Reference:
    """The reference set called "starter", a file of statistics, or dances: a folder or a motion file.

    Of dances only the features by `rule` are worked out. Raises BadInput when it is none of these.
    """
    if name == STARTER:
        place = resources.files("infinitedance_cli.stages.evaluate").joinpath(STARTER_FILE)
        with place.open("rb") as file:
            return _load(file, STARTER, STARTER)
    path = Path(name)
    if not path.exists():
        raise BadInput(f"{path}: no such reference; expected {STARTER}, statistics (.npz), motion or a folder of it")
    if path.is_file() and path.suffix.lower() == ".npz" and _is_statistics(path):
        with open(path, "rb") as file:
            return _load(file, path.name, str(path))
    dances = read_dances([name], rest_joints=rest_joints, fps=fps)
    return collect(dances, path.name, (rule,), LEAST_FRAMES)


def collect(dances: Iterable[Dance], name: str, rules: Iterable[str], least_frames: int) -> Reference:
    """Features of `dances` by the named rules; those with fewer than `least_frames` at 30 fps are left out.

    Raises BadInput when fewer than two are left.
    """
    chosen: dict[str, FeatureRule] = {rule: RULES[rule] for rule in rules}
    rows: dict[str, list[Any]] = {rule: [] for rule in chosen}
    count = 0
    for dance in dances:
        if dance.frames * 30 < least_frames * dance.fps:
            continue
        count += 1
        for rule, how in chosen.items():
            rows[rule].append(feature_row(dance.positions(how.fps, how.joints), how))
    if count < 2:
        raise BadInput(f"reference {name}: {count} dances of {least_frames} frames or more; expected at least 2")
    return Reference(name, count, {rule: _stacked(values) for rule, values in rows.items()})


def save_statistics(reference: Reference, file: BinaryIO) -> None:
    """The statistics as an `.npz` that `load_reference` reads; the same dances give the same bytes."""
    arrays: dict[str, Any] = {_MARK: np.array(_VERSION), "name": np.array(reference.name)}
    for rule, features in reference.rules.items():
        arrays |= {f"{rule}/{space}": values for space, values in features.items()}
    np.savez_compressed(file, **arrays)


def _stacked(rows: list[Any]) -> Features:
    """Rows as one array a space; kinetic features cut to what all dances have (22 joints, unless all have 24)."""
    stacked = {}
    for space in SPACES:
        values = [getattr(row, space) for row in rows]
        width = min(len(value) for value in values)
        stacked[space] = np.stack([value[:width] for value in values]).astype(np.float32)
    return stacked


def _is_statistics(path: Path) -> bool:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            keys = frozenset(data.files)
    except (*_UNREADABLE, AttributeError):
        return False
    return _MARK in keys or keys >= _RELEASE_KEYS


def _load(file: IO[bytes], name: str, where: str) -> Reference:
    try:
        with np.load(file, allow_pickle=False) as data:
            if _MARK not in data.files:
                rules = {"release": {"kinetic": data["kinetic"][:, :66], "geometric": data["manual"]}}
            else:
                version = str(data[_MARK])
                if version.split(".")[0] != _VERSION.split(".")[0]:
                    raise BadInput(f"{where}: statistics of version {version}; this idance reads {_VERSION}")
                name = name if name == STARTER else str(data["name"])
                rules = {}
                for key in data.files:
                    rule, slash, space = key.partition("/")
                    if slash:
                        rules.setdefault(rule, {})[space] = data[key]
    except _UNREADABLE as error:
        raise BadInput(f"{where}: statistics cannot be read ({error})") from error
    return Reference(name, _checked(rules, where), rules)


def _checked(rules: Mapping[str, Mapping[str, NDArray[Any]]], where: str) -> int:
    """Number of dances; raises BadInput unless every array has one finite row for each."""
    lengths = {len(values) for features in rules.values() for values in features.values()}
    good = all(
        values.ndim == 2 and values.dtype.kind == "f" and bool(np.isfinite(values).all())
        for features in rules.values()
        for values in features.values()
    )
    complete = all({"kinetic", "geometric"} <= features.keys() for features in rules.values())
    if not rules or not good or not complete or len(lengths) != 1 or min(lengths) < 2:
        raise BadInput(f"{where}: its statistics are damaged; make them again with `idance evaluate --make-stats`")
    return lengths.pop()
