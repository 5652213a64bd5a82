"""The retrieval index: windows of dance found by music, with the codes, genre and source of each.

One safetensors file holds the FAISS index, the codes of the indexed clips, and JSON about where they come from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, MissingResource, StageFailed

FORMAT = "idance-index"
FORMAT_VERSION = 2
_EXACT_ENTRIES = 50_000
"""Up to here every entry is compared; beyond, an inverted file keeps a search in a million under 20 ms."""
_PROBED_SHARE, _LEAST_PROBES = 1 / 64, 8
"""How many of the inverted lists a search without a filter looks into."""
_RIDGE = 0.01
_FEW_ENTRIES = 5_000
"""Where a filter leaves no more than this of a large index, all lists are looked into."""


def source_of(clip_id: str) -> str:
    """The clip that a variant was made from: the part of its id before "#"."""
    return clip_id.partition("#")[0]


@dataclass(frozen=True)
class IndexedClip:
    """A clip of the index: `codes` (S, Q) int16, its genre, provenance (source, licence, credit), and `movement`
    (S, 2): the change of heading in every step, radians, and the mean joint speed, m/s."""

    clip_id: str
    genre: str
    codes: NDArray[np.int16]
    provenance: Mapping[str, Any]
    movement: NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """A found window: cosine `similarity`, the clip's number in the index, and the first step of the window."""

    similarity: float
    clip: int
    start_step: int


class DanceIndex:
    """Windows of `window_steps` steps of codes, searchable by unit embeddings (E,).

    `windows` (N, 2) int32: clip number and first step of each entry, in the order of the embeddings. `details` say how
    it was made: codebook_sha256 of the codes, and whatever else its maker knows.
    """

    def __init__(
        self,
        clips: Sequence[IndexedClip],
        windows: NDArray[np.int32],
        searcher: Any,  # noqa: ANN401  (faiss has no types)
        window_steps: int,
        details: Mapping[str, Any],
    ) -> None:
        self.clips, self.windows, self.window_steps = tuple(clips), windows, window_steps
        self.details = dict(details)
        self._searcher = searcher
        self._genres = np.array([clip.genre for clip in self.clips])
        self._clip_of = np.ascontiguousarray(windows[:, 0])
        self._sources = np.array([source_of(clip.clip_id) for clip in self.clips])

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def genres(self) -> tuple[str, ...]:
        """Genres that have at least one entry, sorted."""
        return tuple(sorted(set(self._genres[np.unique(self._clip_of)].tolist()) - {""}))

    def require_codebook(self, sha256: str) -> None:
        """Raise BadInput when the codes belong to another tokeniser than the one with this codebook."""
        own = self.details.get("codebook_sha256", sha256)
        if own != sha256:
            raise BadInput(
                f"the index holds codes of the codebook {own[:12]}…, the tokenizer has {sha256[:12]}…; build it again "
                "with `idance build-index --tokenizer`"
            )

    def search(
        self, queries: NDArray[np.float32], count: int, *, genre: str | None = None, without: Collection[str] = ()
    ) -> list[list[Hit]]:
        """The `count` entries nearest to each query (B, E), best first; fewer where the index has fewer.

        `genre` limits the search to one genre; `without` leaves out clips by id, with their variants (`id#1`, …): a
        clip must not find itself. The result is exact in an index of up to 50,000 entries, and where a filter leaves
        up to 5,000 of a larger one.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        allowed = self._allowed(genre, without)
        total = len(self) if allowed is None else int(allowed.sum())
        count = min(count, total)
        if count == 0:
            return [[] for _ in queries]
        selector = None if allowed is None else _bitmap(allowed)
        scores, rows = self._searcher.search(queries, count, params=self._parameters(selector, total))
        if (rows < 0).any():  # the lists that were looked into hold too few of the allowed entries
            scores, rows = self._searcher.search(queries, count, params=self._parameters(selector, 0))
        return [
            [Hit(float(s), *map(int, self.windows[r])) for s, r in zip(line, found, strict=True)]
            for line, found in zip(scores, rows, strict=True)
        ]

    def code_turns(self, codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
        """By how much each code (Q, K) turns the dancer, radians; the turn of a step is the sum over its codes.

        A linear fit to the indexed steps from the vectors of their codes, so that it also knows codes, and sums of
        codes, that they do not use. `codebooks` (Q, K, C) of the tokeniser that made the codes.
        """
        codes = np.concatenate([clip.codes for clip in self.clips])
        turns = np.concatenate([clip.movement[:, 0] for clip in self.clips])
        vectors = sum(book[column] for book, column in zip(codebooks, codes.T, strict=True))
        spread = vectors.T @ vectors + _RIDGE * len(codes) * np.eye(codebooks.shape[-1], dtype=np.float32)
        return (codebooks @ np.linalg.solve(spread, vectors.T @ turns)).astype(np.float32)

    def pace(self, genre: str) -> float:
        """Mean joint speed of a genre's dances, m/s; 0 where it has none."""
        speeds = [clip.movement[:, 1] for clip in self.clips if clip.genre == genre]
        return float(np.concatenate(speeds).mean()) if speeds else 0.0

    def _allowed(self, genre: str | None, without: Collection[str]) -> NDArray[np.bool_] | None:
        """Which entries (N,) may be found; None for all."""
        if genre is None and not without:
            return None
        clips = np.ones(len(self.clips), dtype=bool) if genre is None else self._genres == genre
        clips &= ~np.isin(self._sources, [source_of(clip_id) for clip_id in without])
        return clips.take(self._clip_of)

    def _parameters(self, selector: Any, total: int) -> Any:  # noqa: ANN401
        """Search parameters for `total` allowed entries: the fewer, the more lists, as they lie farther apart."""
        faiss = _faiss()
        if not hasattr(self._searcher, "nlist"):
            return faiss.SearchParameters(sel=selector)
        lists = self._searcher.nlist
        probes = int(lists * _PROBED_SHARE * (len(self) / total) ** 0.5) if total > _FEW_ENTRIES else lists
        return faiss.SearchParametersIVF(sel=selector, nprobe=min(lists, max(_LEAST_PROBES, probes)))

    def codes(self, hit: Hit) -> NDArray[np.int16]:
        """Codes (window_steps, Q) of a hit."""
        return self.clips[hit.clip].codes[hit.start_step : hit.start_step + self.window_steps]


def build_index(
    clips: Sequence[IndexedClip],
    windows: NDArray[np.int32],
    embeddings: NDArray[np.float32],
    window_steps: int,
    details: Mapping[str, Any],
) -> DanceIndex:
    """Index unit `embeddings` (N, E), one per row of `windows` (N, 2).

    Raises BadInput when there is nothing to index or an embedding is not finite.
    """
    if len(windows) == 0:
        raise BadInput("nothing to index: there are no windows")
    if not np.isfinite(embeddings).all():
        raise BadInput("an embedding is not finite; the retriever's weights are damaged")
    searcher = _searcher(np.ascontiguousarray(embeddings, np.float32))
    return DanceIndex(clips, np.ascontiguousarray(windows, np.int32), searcher, window_steps, details)


def _faiss() -> Any:  # noqa: ANN401
    """faiss, untyped: its Python layer takes arrays and keywords that its annotations do not know."""
    import faiss

    return faiss


def _searcher(embeddings: NDArray[np.float32]) -> Any:  # noqa: ANN401
    faiss = _faiss()
    count, dimension = embeddings.shape
    if count <= _EXACT_ENTRIES:
        searcher = faiss.IndexFlatIP(dimension)
    else:
        lists = int(4 * np.sqrt(count))
        searcher = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, lists, faiss.METRIC_INNER_PRODUCT)
        sample = np.random.default_rng(0).permutation(count)[: 40 * lists]
        searcher.train(embeddings[sample])
    searcher.add(embeddings)
    return searcher


def _bitmap(allowed: NDArray[np.bool_]) -> Any:  # noqa: ANN401
    faiss = _faiss()
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def save_index(index: DanceIndex, path: Path) -> None:
    """Write the index to `path` in one rename; raises StageFailed when it cannot be written."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    clips = [{"clip_id": c.clip_id, "genre": c.genre, "provenance": dict(c.provenance)} for c in index.clips]
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "window_steps": index.window_steps,
        "clips": clips,
        "details": index.details,
    }
    tensors: dict[str, NDArray[Any]] = {
        "searcher": np.asarray(_faiss().serialize_index(index._searcher)),
        "windows": index.windows,
        "codes": np.concatenate([clip.codes for clip in index.clips]),
        "movement": np.concatenate([clip.movement for clip in index.clips]).astype(np.float16),
        "offsets": np.cumsum([0, *(len(clip.codes) for clip in index.clips)]).astype(np.int64),
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, temporary, metadata={"idance": json.dumps(header, sort_keys=True)})
        os.replace(temporary, path)
    except SafetensorError as error:
        raise StageFailed(f"{path}: cannot be written ({error}); free space or choose another output") from error
    finally:
        temporary.unlink(missing_ok=True)


def load_index(path: Path) -> DanceIndex:
    """Read an index that `save_index` wrote.

    Raises:
        MissingResource: there is no such file.
        BadInput: it is damaged, something else, or of a newer version.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise MissingResource(f"{path}: no such index; build it with `idance build-index` or correct the path")
    try:
        with safe_open(path, "np") as file:
            header = json.loads((file.metadata() or {}).get("idance", "{}"))
            if header.get("format") != FORMAT:
                raise BadInput(f"{path}: not a dance index; expected a file written by `idance build-index`")
            if header["format_version"] > FORMAT_VERSION:
                raise BadInput(f"{path}: index format {header['format_version']} is newer than this idance: update it")
            searcher = _faiss().deserialize_index(file.get_tensor("searcher"))
            windows, codes, offsets, movement = map(file.get_tensor, ("windows", "codes", "offsets", "movement"))
        clips = [
            IndexedClip(
                clip["clip_id"],
                clip["genre"],
                codes[first:last],
                clip["provenance"],
                movement[first:last].astype(np.float32),
            )
            for clip, first, last in zip(header["clips"], offsets[:-1], offsets[1:], strict=True)
        ]
        return DanceIndex(clips, windows, searcher, header["window_steps"], header["details"])
    except (SafetensorError, OSError, RuntimeError, LookupError, ValueError) as error:
        raise BadInput(f"{path}: unreadable index ({error}); build it again with `idance build-index`") from error
