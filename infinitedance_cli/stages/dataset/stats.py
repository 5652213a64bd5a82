"""What a data set holds: hours, genres, lengths, songs, performers, and the figures of quality that its clips carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.genres import CLASSES, normalised
from infinitedance_cli.stream.facts import ClipFacts

UNKNOWN = "unknown"
_HOUR = 3600.0


def genre_of(label: str) -> str:
    """The usual name of a genre; a class of the release stays one, and an empty label is unknown."""
    return label.lower() if label.lower() in CLASSES else normalised(label) or UNKNOWN


@dataclass(frozen=True)
class Share:
    """A part of the clips: how many, and their length in seconds."""

    clips: int
    seconds: float


@dataclass(frozen=True)
class Spread:
    """A figure over the clips that carry it."""

    clips: int
    mean: float
    median: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Statistics:
    """The figures of a data set. `lengths_s` (N,) are seconds.

    `genres`, `collections`, `licences`, `stages` and `splits` have the parts of the set in each; `figures` has the
    spread of each figure of quality, `low` and `high` in the 5th and 95th of 100 clips. `songs`, `sources` and
    `performers` count different ones; clips that name none are not counted.
    """

    lengths_s: NDArray[np.float64]
    genres: Mapping[str, Share]
    collections: Mapping[str, Share]
    licences: Mapping[str, Share]
    splits: Mapping[str, Share]
    stages: Mapping[str, Share]
    model_licences: Mapping[str, Share]
    songs: int
    sources: int
    performers: int
    figures: Mapping[str, Spread]

    @property
    def clips(self) -> int:
        """Number of clips."""
        return len(self.lengths_s)

    @property
    def hours(self) -> float:
        """Length of all clips."""
        return float(self.lengths_s.sum()) / _HOUR

    @property
    def quantiles(self) -> dict[str, float]:
        """Shortest, quartiles and longest length in seconds, and the mean."""
        values = np.percentile(self.lengths_s, (0, 25, 50, 75, 100)).tolist()
        names = ("shortest", "lower quartile", "median", "upper quartile", "longest")
        return {**dict(zip(names, values, strict=True)), "mean": float(self.lengths_s.mean())}


class _Tally:
    """Adds up clips by a word."""

    def __init__(self) -> None:
        self._clips: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def add(self, name: str, seconds: float) -> None:
        """Count one clip; an empty name is an unknown one."""
        name = name or UNKNOWN
        self._clips[name] += 1
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def shares(self) -> dict[str, Share]:
        """All parts, the longest first."""
        ordered = sorted(self._seconds, key=lambda name: (-self._seconds[name], name))
        return {name: Share(self._clips[name], self._seconds[name]) for name in ordered}


def statistics_of(listing: Iterable[ClipFacts]) -> Statistics:
    """The figures of all clips of a listing; genres under their usual names. Raises BadInput when there are none."""
    tallies = {name: _Tally() for name in ("genre", "collection", "licence", "split", "stage", "model")}
    different: dict[str, set[str]] = {"song": set(), "source": set(), "performer": set()}
    figures: dict[str, list[float]] = {}
    lengths = []
    for facts in listing:
        seconds = facts.duration_s
        lengths.append(seconds)
        tallies["genre"].add(genre_of(facts.genre), seconds)
        for name in ("collection", "licence", "split"):
            tallies[name].add(getattr(facts, name), seconds)
        for name, words in (("stage", facts.stages), ("model", facts.model_licences)):
            for word in words:
                tallies[name].add(word, seconds)
        for name, found in different.items():
            found.add(getattr(facts, name))
        for name, value in facts.figures.items():
            figures.setdefault(name, []).append(value)
    if not lengths:
        raise BadInput("there are no clips; expected at least one")
    return Statistics(
        lengths_s=np.array(lengths),
        genres=tallies["genre"].shares(),
        collections=tallies["collection"].shares(),
        licences=tallies["licence"].shares(),
        splits=tallies["split"].shares(),
        stages=tallies["stage"].shares(),
        model_licences=tallies["model"].shares(),
        songs=len(different["song"] - {""}),
        sources=len(different["source"] - {""}),
        performers=len(different["performer"] - {""}),
        figures={name: _spread(values) for name, values in sorted(figures.items())},
    )


def _spread(values: list[float]) -> Spread:
    low, median, high = np.percentile(values, (5, 50, 95)).tolist()
    return Spread(len(values), float(np.mean(values)), median, low, high)


def to_json(found: Statistics) -> dict[str, Any]:
    """The figures as JSON-ready values; `schema` grows by one when a field changes its meaning."""
    parts = ("genres", "collections", "licences", "model_licences", "splits", "stages")
    return {
        "schema": 1,
        "clips": found.clips,
        "hours": round(found.hours, 6),
        "songs": found.songs,
        "sources": found.sources,
        "performers": found.performers,
        "length_s": {name.replace(" ", "_"): round(value, 3) for name, value in found.quantiles.items()},
        **{part: {name: _share(share) for name, share in getattr(found, part).items()} for part in parts},
        "figures": {name: spread_json(spread) for name, spread in found.figures.items()},
    }


def _share(share: Share) -> dict[str, float]:
    return {"clips": share.clips, "hours": round(share.seconds / _HOUR, 6)}


def spread_json(spread: Spread) -> dict[str, float]:
    """A spread as JSON-ready values."""
    return {"clips": spread.clips, "mean": spread.mean, "median": spread.median, "p5": spread.low, "p95": spread.high}


def to_table(found: Statistics) -> str:
    """The figures as aligned lines."""
    lines = [
        f"{found.clips} clips, {duration(found.hours)}, {len(found.genres)} genres, {found.songs} songs, "
        f"{found.performers} performers",
        "lengths: " + ", ".join(f"{name} {value:.1f} s" for name, value in found.quantiles.items()),
    ]
    for title, shares in (("genre", found.genres), ("collection", found.collections), ("licence", found.licences)):
        lines += ["", *_aligned([(title, "clips", "hours", "share"), *_rows(shares, found.hours)])]
    if found.figures:
        head = ("figure", "clips", "mean", "median", "5 %", "95 %")
        lines += ["", *_aligned([head, *(_figure_row(name, spread) for name, spread in found.figures.items())])]
    return "\n".join(lines) + "\n"


def duration(hours: float) -> str:
    """A length for people: hours, or minutes where that is short."""
    return f"{hours:.2f} h" if hours >= 1 else f"{60 * hours:.1f} min"


def _rows(shares: Mapping[str, Share], hours: float) -> list[tuple[str, ...]]:
    return [
        (name, str(part.clips), f"{part.seconds / _HOUR:.3f}", f"{100 * part.seconds / _HOUR / hours:.1f} %")
        for name, part in shares.items()
    ]


def _figure_row(name: str, spread: Spread) -> tuple[str, ...]:
    values = (spread.mean, spread.median, spread.low, spread.high)
    return (name, str(spread.clips), *(f"{value:.4g}" for value in values))


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns side by side, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines
