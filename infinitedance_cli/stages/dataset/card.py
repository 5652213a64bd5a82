"""A data set's card in Markdown: what it holds, under which licences, and how it was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from infinitedance_cli.stages.dataset.stats import UNKNOWN, Share, Statistics, duration
from infinitedance_cli.stream.facts import ClipFacts

_MOST_ROWS = 40


class Credits:
    """Notes whom each collection of a listing names, as the listing passes by."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def listen(self, listing: Iterable[ClipFacts]) -> Iterator[ClipFacts]:
        """The listing as it is."""
        for facts in listing:
            if facts.credit:
                self.found[facts.collection or UNKNOWN] = facts.credit
            yield facts


def to_markdown(found: Statistics, title: str, credits: Mapping[str, str]) -> str:
    """The card; `credits` has whom to name for each collection."""
    missing = found.licences.get(UNKNOWN)
    parts = [
        f"# {title}",
        f"{found.clips} clips of 3D dance, {duration(found.hours)}: {len(found.genres)} genres, {found.songs} songs, "
        f"{found.performers} named performers. Clips last {found.quantiles['shortest']:.1f} to "
        f"{found.quantiles['longest']:.1f} s, {found.quantiles['median']:.1f} s in the middle.",
        "## Licences",
        _table("licence of the motion", found.licences),
        "" if missing is None else f"**{missing.clips} clips say no licence.** Do not pass them on before you know it.",
        "" if not found.model_licences else _table("licence of a model that made clips", found.model_licences),
        "Songs are not part of the clips, only their hashes, beats and features; their rights are their owners'.",
        "## Where it comes from",
        _table("collection", found.collections),
        "\n".join(f"- {name}: {credit}" for name, credit in sorted(credits.items()) if credit),
        "" if not found.stages else "## How it was made\n\n" + _table("step", found.stages),
        "## Genres",
        _table("genre", found.genres),
        "" if set(found.splits) == {UNKNOWN} else "## Splits\n\n" + _table("part", found.splits),
        "" if not found.figures else "## Quality\n\n" + _figures(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(title: str, shares: Mapping[str, Share]) -> str:
    rows = [f"| {title} | clips | length |", "|---|---:|---:|"]
    named = list(shares.items())
    for name, share in named[:_MOST_ROWS]:
        rows.append(f"| {_cell(name)} | {share.clips} | {duration(share.seconds / 3600)} |")
    rest = [share for _, share in named[_MOST_ROWS:]]
    if rest:
        length = duration(sum(share.seconds for share in rest) / 3600)
        rows.append(f"| {len(rest)} others | {sum(share.clips for share in rest)} | {length} |")
    return "\n".join(rows)


def _figures(found: Statistics) -> str:
    rows = ["| figure | clips that carry it | median | 5 % | 95 % |", "|---|---:|---:|---:|---:|"]
    rows += [
        f"| {name} | {spread.clips} | {spread.median:.4g} | {spread.low:.4g} | {spread.high:.4g} |"
        for name, spread in found.figures.items()
    ]
    return "\n".join(rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
