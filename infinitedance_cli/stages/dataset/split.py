"""Splits a data set so that every genre has the same shares, and nothing that ties clips together lies in two parts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.stages.dataset.stats import genre_of
from infinitedance_cli.stream.facts import ClipFacts

logger = logging.getLogger(__name__)

PARTS = ("train", "val", "test")
TIES = ("song", "source", "performer")
_ROUNDS = 20
_FAR_OFF = 0.05


@dataclass(frozen=True, eq=False)
class Split:
    """Which clips are in which part: `parts` (N,) index into PARTS for `names` (N,), `seconds` (P, G) of each of the
    `genres` (G,), and how many `groups` of clips that stay together there were."""

    names: tuple[str, ...]
    parts: NDArray[np.int8]
    genres: tuple[str, ...]
    seconds: NDArray[np.float64]
    groups: int

    def of(self, part: str) -> list[str]:
        """The names of the clips of one part, in the order of the data set."""
        wanted = PARTS.index(part)
        return [name for name, found in zip(self.names, self.parts.tolist(), strict=True) if found == wanted]

    @property
    def shares(self) -> NDArray[np.float64]:
        """The share of each part in each genre (P, G), by length."""
        return np.asarray(self.seconds / self.seconds.sum(axis=0))

    @property
    def overall(self) -> NDArray[np.float64]:
        """The share of each part (P,), by length."""
        return np.asarray(self.seconds.sum(axis=1) / self.seconds.sum())


def parse_shares(text: str) -> tuple[float, ...]:
    """Three shares that sum to one from "85/5/10". Raises UsageError on anything else."""
    try:
        values = np.array([float(part) for part in text.split("/")])
    except ValueError:
        values = np.zeros(0)
    if len(values) != len(PARTS) or not np.isfinite(values).all() or (values < 0).any() or values[0] == 0:
        raise UsageError(f"{text!r} are no shares; give those of {', '.join(PARTS)}, such as 85/5/10")
    return tuple((values / values.sum()).tolist())


def parse_ties(text: str) -> tuple[str, ...]:
    """What keeps clips together from "song,source". Raises UsageError on other words."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in words:
        if word not in TIES:
            raise UsageError(f"{word!r} ties no clips together; known: {', '.join(TIES)}")
    return words


def split(listing: Iterable[ClipFacts], shares: Sequence[float], *, ties: Sequence[str] = TIES, seed: int = 0) -> Split:
    """Parts such that each genre has the `shares` (P,) of its length as nearly as whole groups allow.

    Clips with a song, source or performer in common, directly or over other clips, are one group and stay together.
    The same listing and seed give the same parts, in whatever order the clips come.

    Raises BadInput when there are no clips or two have one name.
    """
    clips = sorted(listing, key=lambda facts: facts.clip_id)
    names = tuple(facts.clip_id for facts in clips)
    if not names:
        raise BadInput("there are no clips to split; expected at least one")
    twice = next((name for name, after in zip(names, names[1:], strict=False) if name == after), None)
    if twice is not None:
        raise BadInput(f"two clips are called {twice!r}; give them names of their own, with idance dataset merge")
    genres = tuple(sorted({genre_of(facts.genre) for facts in clips}))
    columns = np.searchsorted(genres, [genre_of(facts.genre) for facts in clips])
    seconds = np.array([facts.duration_s for facts in clips])
    groups = _groups(clips, ties)
    table = np.zeros((groups.max() + 1, len(genres)))
    np.add.at(table, (groups, columns), seconds)
    chosen = _assign(table, np.asarray(shares), np.random.default_rng(seed))
    result = np.zeros((len(PARTS), len(genres)))
    np.add.at(result, chosen, table)
    found = Split(names, chosen[groups].astype(np.int8), genres, result, len(table))
    _judge(found, shares, ties)
    return found


def _groups(clips: Sequence[ClipFacts], ties: Sequence[str]) -> NDArray[np.int64]:
    """The number of the group (N,) of each clip, from 0: union-find over what clips have in common."""
    leaders = list(range(len(clips)))

    def leader(clip: int) -> int:
        while leaders[clip] != clip:
            leaders[clip] = leaders[leaders[clip]]
            clip = leaders[clip]
        return clip

    first: dict[tuple[str, str], int] = {}
    for number, facts in enumerate(clips):
        for tie in ties:
            value = getattr(facts, tie)
            if value:
                leaders[leader(number)] = leader(first.setdefault((tie, value), number))
    return np.unique([leader(number) for number in range(len(clips))], return_inverse=True)[1]


def _assign(table: NDArray[np.float64], shares: NDArray[np.float64], random: Any) -> NDArray[np.int64]:
    """The part (N,) of each group, from the seconds (N, G) that it has of each genre.

    Large groups rather first, each to where it brings all genres nearest to their shares; then single groups move as
    long as that helps. Distances are squares of shares of the genre, over the wanted share, so that small parts matter.
    """
    totals = table.sum(axis=0)
    weights = 1 / (totals**2)[None] / np.maximum(shares, 1e-3)[:, None]
    wanted = shares[:, None] * totals[None]
    # Not strictly by length, or the longest groups would be training data whatever the seed.
    order = np.argsort(-table.sum(axis=1) * random.uniform(0.3, 1.0, len(table)), kind="stable")
    have = np.zeros_like(wanted)
    chosen = np.full(len(table), -1)
    for turn in range(_ROUNDS):
        moved = False
        for group in order:
            before = chosen[group]
            if before >= 0:
                have[before] -= table[group]
            # How much worse each part gets by this group: (have + group − wanted)² − (have − wanted)².
            cost = (weights * table[group] * (table[group] + 2 * (have - wanted))).sum(axis=1)
            cost[shares == 0] = np.inf
            best = int(np.argmin(cost)) if before < 0 or cost.min() < cost[before] - 1e-12 else before
            have[best] += table[group]
            moved |= best != before
            chosen[group] = best
        if not moved and turn:
            break
    return chosen


def _judge(found: Split, shares: Sequence[float], ties: Sequence[str]) -> None:
    off = float(np.abs(found.overall - np.asarray(shares)).max())
    if off > _FAR_OFF:
        logger.warning(
            "the parts are %.0f points off the shares asked for: %s tie the clips into %d groups, which stay whole",
            100 * off,
            ", ".join(ties),
            found.groups,
        )


def to_json(found: Split, shares: Sequence[float], seed: int) -> dict[str, Any]:
    """The shares that were got, as JSON-ready values."""
    counts = {part: int((found.parts == number).sum()) for number, part in enumerate(PARTS)}
    by_genre = {genre: _named(found.shares[:, number]) for number, genre in enumerate(found.genres)}
    return {
        "schema": 1,
        "seed": seed,
        "groups": found.groups,
        "clips": counts,
        "asked": _named(np.asarray(shares)),
        "shares": _named(found.overall),
        "genres": by_genre,
    }


def _named(shares: NDArray[np.float64]) -> Mapping[str, float]:
    return {part: round(float(share), 6) for part, share in zip(PARTS, shares, strict=True)}


def to_table(found: Split) -> str:
    """The shares that each genre got, by length, as aligned lines."""
    width = max(len(name) for name in ("all", "genre", *found.genres))
    lines = [f"{'genre'.ljust(width)}  {'hours':>8}  " + "  ".join(f"{part:>6}" for part in PARTS)]
    rows = [("all", found.seconds.sum(), found.overall)]
    rows += [(genre, found.seconds[:, n].sum(), found.shares[:, n]) for n, genre in enumerate(found.genres)]
    for name, seconds, shares in rows:
        cells = "  ".join(f"{100 * share:5.1f}%" for share in shares)
        lines.append(f"{name.ljust(width)}  {seconds / 3600:8.3f}  {cells}")
    return "\n".join(lines) + "\n"
