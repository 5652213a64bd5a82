"""An index in one file, held in memory.

One safetensors file holds the FAISS index, the codes of the indexed clips, and JSON about where they come from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, MissingResource, StageFailed
from infinitedance_cli.models.dance_index.base import DanceIndex, EmbeddedClip, Hit, IndexedClip, source_of
from infinitedance_cli.models.dance_index.searchers import EXACT_ENTRIES, faiss_untyped

FORMAT = "idance-index"
FORMAT_VERSION = 2
_PROBED_SHARE, _LEAST_PROBES = 1 / 64, 8
"""How many of the inverted lists a search without a filter looks into."""
_FEW_ENTRIES = 5_000
"""Where a filter leaves no more than this of a large index, all lists are looked into."""


class FileIndex(DanceIndex):
    """An index in memory; `windows` (N, 2) int32: clip number and first step of each entry, as the embeddings stand."""

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
        """See `DanceIndex.genres`."""
        return tuple(sorted(set(self._genres[np.unique(self._clip_of)].tolist()) - {""}))

    def search(
        self, queries: NDArray[np.float32], count: int, *, genre: str | None = None, without: Collection[str] = ()
    ) -> list[list[Hit]]:
        """See `DanceIndex.search`."""
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

    def _steps(self) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        codes = np.concatenate([clip.codes for clip in self.clips])
        return codes, np.concatenate([clip.movement[:, 0] for clip in self.clips])

    def pace(self, genre: str) -> float:
        """See `DanceIndex.pace`."""
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
        faiss = faiss_untyped()
        if not hasattr(self._searcher, "nlist"):
            return faiss.SearchParameters(sel=selector)
        lists = self._searcher.nlist
        probes = int(lists * _PROBED_SHARE * (len(self) / total) ** 0.5) if total > _FEW_ENTRIES else lists
        return faiss.SearchParametersIVF(sel=selector, nprobe=min(lists, max(_LEAST_PROBES, probes)))


def build_index(
    clips: Sequence[IndexedClip],
    windows: NDArray[np.int32],
    embeddings: NDArray[np.float32],
    window_steps: int,
    details: Mapping[str, Any],
) -> FileIndex:
    """Index unit `embeddings` (N, E), one per row of `windows` (N, 2).

    Raises BadInput when there is nothing to index or an embedding is not finite.
    """
    if len(windows) == 0:
        raise BadInput("nothing to index: there are no windows")
    if not np.isfinite(embeddings).all():
        raise BadInput("an embedding is not finite; the retriever's weights are damaged")
    searcher = _searcher(np.ascontiguousarray(embeddings, np.float32))
    return FileIndex(clips, np.ascontiguousarray(windows, np.int32), searcher, window_steps, details)


def file_of(entries: Sequence[EmbeddedClip], window_steps: int, details: Mapping[str, Any]) -> FileIndex:
    """`build_index` of clips with their windows and embeddings."""
    windows = [
        np.stack((np.full_like(entry.starts, number), entry.starts), axis=1) for number, entry in enumerate(entries)
    ]
    vectors = np.concatenate([entry.vectors for entry in entries]).astype(np.float32)
    return build_index([entry.clip for entry in entries], np.concatenate(windows), vectors, window_steps, details)


def embedded_clips(index: FileIndex) -> list[EmbeddedClip]:
    """The clips of an index with their windows and the embeddings that it was built of."""
    if hasattr(index._searcher, "nlist"):
        index._searcher.make_direct_map()
    vectors = index._searcher.reconstruct_n(0, len(index))
    rows = [np.flatnonzero(index.windows[:, 0] == number) for number in range(len(index.clips))]
    return [
        EmbeddedClip(clip, index.windows[own, 1], vectors[own]) for clip, own in zip(index.clips, rows, strict=True)
    ]


def _searcher(embeddings: NDArray[np.float32]) -> Any:  # noqa: ANN401
    faiss = faiss_untyped()
    count, dimension = embeddings.shape
    if count <= EXACT_ENTRIES:
        searcher = faiss.IndexFlatIP(dimension)
    else:
        lists = int(4 * np.sqrt(count))
        searcher = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, lists, faiss.METRIC_INNER_PRODUCT)
        sample = np.random.default_rng(0).permutation(count)[: 40 * lists]
        searcher.train(embeddings[sample])
    searcher.add(embeddings)
    return searcher


def _bitmap(allowed: NDArray[np.bool_]) -> Any:  # noqa: ANN401
    faiss = faiss_untyped()
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def save_index(index: FileIndex, path: Path) -> None:
    """Write the index to `path` in one rename; raises StageFailed when it cannot be written."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    clips = [
        {"clip_id": clip.clip_id, "genre": clip.genre, "provenance": dict(clip.provenance)}
        | ({"content": clip.content} if clip.content else {})
        for clip in index.clips
    ]
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "window_steps": index.window_steps,
        "clips": clips,
        "details": index.details,
    }
    tensors: dict[str, NDArray[Any]] = {
        "searcher": np.asarray(faiss_untyped().serialize_index(index._searcher)),
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


def load_file(path: Path) -> FileIndex:
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
            searcher = faiss_untyped().deserialize_index(file.get_tensor("searcher"))
            windows, codes, offsets, movement = map(file.get_tensor, ("windows", "codes", "offsets", "movement"))
        clips = [
            IndexedClip(
                clip["clip_id"],
                clip["genre"],
                codes[first:last],
                clip["provenance"],
                movement[first:last].astype(np.float32),
                clip.get("content", ""),
            )
            for clip, first, last in zip(header["clips"], offsets[:-1], offsets[1:], strict=True)
        ]
        return FileIndex(clips, windows, searcher, header["window_steps"], header["details"])
    except (SafetensorError, OSError, RuntimeError, LookupError, ValueError) as error:
        raise BadInput(f"{path}: unreadable index ({error}); build it again with `idance build-index`") from error
