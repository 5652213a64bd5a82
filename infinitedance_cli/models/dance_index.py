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

from infinitedance_cli.errors import BadInput

FORMAT = "idance-index"
FORMAT_VERSION = 1
_EXACT_ENTRIES = 50_000
"""Up to here every entry is compared; beyond, an inverted file keeps a search in a million under 20 ms."""


@dataclass(frozen=True)
class IndexedClip:
    """A clip of the index: `codes` (S, Q) int16, its genre, and provenance (source, licence, credit)."""

    clip_id: str
    genre: str
    codes: NDArray[np.int16]
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class Hit:
    """A found window: cosine `similarity`, the clip's number in the index, and the first step of the window."""

    similarity: float
    clip: int
    start_step: int


class DanceIndex:
    """Windows of `window_steps` steps of codes, searchable by unit embeddings (E,).

    `windows` (N, 2) int32: clip number and first step of each entry, in the order of the embeddings.
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
        genres = np.array([clip.genre for clip in self.clips])
        self._genres: NDArray[np.str_] = genres[windows[:, 0]] if len(windows) else genres[:0]

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def genres(self) -> tuple[str, ...]:
        """Genres that have at least one entry, sorted."""
        return tuple(sorted(set(self._genres.tolist()) - {""}))

    def search(
        self, queries: NDArray[np.float32], count: int, *, genre: str | None = None, without: Collection[str] = ()
    ) -> list[list[Hit]]:
        """The `count` entries nearest to each query (B, E), best first; fewer where the index has fewer.

        `genre` limits the search to one genre, `without` leaves out whole clips by id (a clip must not find itself).
        """
        import faiss

        allowed = np.ones(len(self), dtype=bool)
        if genre is not None:
            allowed &= self._genres == genre
        if without:
            left_out = np.array([clip.clip_id in without for clip in self.clips])
            allowed &= ~left_out[self.windows[:, 0]]
        count = min(count, int(allowed.sum()))
        if count == 0:
            return [[] for _ in queries]
        parameters = None
        if not allowed.all():
            selector = faiss.IDSelectorBatch(np.flatnonzero(allowed).astype(np.int64))
            parameters = self._parameters(selector, everywhere=True)
        elif len(self) > _EXACT_ENTRIES:
            parameters = self._parameters(None, everywhere=False)
        scores, rows = self._searcher.search(np.ascontiguousarray(queries, np.float32), count, params=parameters)
        return [
            [Hit(float(s), *map(int, self.windows[r])) for s, r in zip(line, found, strict=True) if r >= 0]
            for line, found in zip(scores, rows, strict=True)
        ]

    def _parameters(self, selector: Any, *, everywhere: bool) -> Any:  # noqa: ANN401
        import faiss

        if len(self) <= _EXACT_ENTRIES:
            return faiss.SearchParameters(sel=selector)
        lists = self._searcher.nlist
        # A filter may leave only a few entries, scattered over all lists.
        return faiss.SearchParametersIVF(sel=selector, nprobe=lists if everywhere else max(8, lists // 64))

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
    import faiss

    if len(windows) == 0:
        raise BadInput("nothing to index: no clip is as long as one window")
    if not np.isfinite(embeddings).all():
        raise BadInput("an embedding is not finite; the retriever's weights are damaged")
    embeddings = np.ascontiguousarray(embeddings, np.float32)
    dimension = embeddings.shape[1]
    if len(embeddings) <= _EXACT_ENTRIES:
        searcher = faiss.IndexFlatIP(dimension)
    else:
        lists = int(4 * np.sqrt(len(embeddings)))
        searcher = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, lists, faiss.METRIC_INNER_PRODUCT)
        sample = np.random.default_rng(0).permutation(len(embeddings))[: 40 * lists]
        searcher.train(embeddings[sample])
    searcher.add(embeddings)
    return DanceIndex(clips, windows, searcher, window_steps, details)


def save_index(index: DanceIndex, path: Path) -> None:
    """Write the index to `path` in one rename."""
    import faiss
    from safetensors.numpy import save_file

    offsets = np.cumsum([0, *(len(clip.codes) for clip in index.clips)]).astype(np.int64)
    clips = [{"clip_id": c.clip_id, "genre": c.genre, "provenance": dict(c.provenance)} for c in index.clips]
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "window_steps": index.window_steps,
        "clips": clips,
        "details": index.details,
    }
    tensors = {
        "searcher": np.asarray(faiss.serialize_index(index._searcher)),
        "windows": index.windows,
        "codes": np.concatenate([clip.codes for clip in index.clips]),
        "offsets": offsets,
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, temporary, metadata={"idance": json.dumps(header, sort_keys=True)})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_index(path: Path) -> DanceIndex:
    """Read an index that `save_index` wrote; raises BadInput when it is something else."""
    import faiss
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            header = json.loads((file.metadata() or {}).get("idance", "{}"))
            if header.get("format") != FORMAT:
                raise BadInput(f"{path}: not a dance index; expected a file written by `idance build-index`")
            searcher = faiss.deserialize_index(file.get_tensor("searcher"))
            windows, codes, offsets = (file.get_tensor(name) for name in ("windows", "codes", "offsets"))
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path}: unreadable index ({error}); build it again with `idance build-index`") from error
    clips = [
        IndexedClip(clip["clip_id"], clip["genre"], codes[first:last], clip["provenance"])
        for clip, first, last in zip(header["clips"], offsets, offsets[1:], strict=False)
    ]
    return DanceIndex(clips, windows, searcher, header["window_steps"], header["details"])
