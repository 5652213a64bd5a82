"""What is known of every model that can be fetched: as records, as JSON and as text for a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from infinitedance_cli import weights
from infinitedance_cli.weights import HubRepository, ModelSource, State, UserFolder
from infinitedance_cli.weights.room import readable_size
from infinitedance_cli.weights.store import accepted, noted_of


@dataclass(frozen=True)
class Entry:
    """One model: whether it is here, where, how large it is here or to download (bytes; 0 where that is not known), and
    its licence. `accepted` says when the licence was, in ISO 8601; empty where it was not or need not be. `revision` is
    the commit of its repository that is here, or would be fetched; empty where it does not come from one."""

    name: str
    state: str
    purpose: str
    origin: str
    revision: str
    folder: str
    size: int
    licence: str
    licence_url: str
    licence_terms: str
    must_accept: bool
    accepted: str


def entries(names: Iterable[str] | None = None) -> tuple[Entry, ...]:
    """All models, or those of the given names. Raises UsageError for an unknown name."""
    return tuple(_entry(name) for name in (weights.names() if names is None else names))


def to_json(found: Sequence[Entry]) -> dict[str, Any]:
    """The entries as JSON-ready values; `schema` grows by one when a field changes its meaning."""
    return {"schema": 1, "cache": str(weights.cache_folder()), "models": [dataclasses.asdict(entry) for entry in found]}


def to_table(found: Sequence[Entry]) -> str:
    """One line for each model: name, whether it is here, revision, size, licence, purpose."""
    rows = [("name", "state", "revision", "size", "licence", "for")]
    rows += [
        (each.name, each.state, each.revision[:12] or "-", _size(each.size), each.licence, each.purpose)
        for each in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def licences(found: Sequence[Entry]) -> str:
    """What the licence of each model asks, and whether it was accepted."""
    return "\n".join(_licence(entry) for entry in found)


def _entry(name: str) -> Entry:
    source = weights.find(name)
    state = weights.state(source)
    here = state is State.READY and not source.convert
    return Entry(
        name=source.name,
        state=state.value,
        purpose=source.purpose,
        origin=source.origin.instructions if isinstance(source.origin, UserFolder) else str(source.origin),
        revision=_revision(source, state),
        folder=str(weights.folder(source)),
        size=source.size if here else source.download_size,
        licence=source.licence.name,
        licence_url=source.licence.url,
        licence_terms=source.licence.terms,
        must_accept=source.licence.must_accept,
        accepted=accepted(source),
    )


def _revision(source: ModelSource, state: State) -> str:
    if state is not State.ABSENT:
        return str(noted_of(source).get("revision", ""))
    return source.origin.revision if isinstance(source.origin, HubRepository) else ""


def _size(size: int) -> str:
    return readable_size(size) if size else "-"


def _licence(entry: Entry) -> str:
    asked = "has to be accepted before the download" if entry.must_accept else ""
    given = f"accepted {entry.accepted}" if entry.accepted else asked
    lines = [f"{entry.name}: {entry.licence}", f"  {entry.licence_terms}", f"  {entry.licence_url}"]
    lines += [f"  {given}"] if given else []
    return "\n".join([*lines, f"  from: {entry.origin}"]) + "\n"
