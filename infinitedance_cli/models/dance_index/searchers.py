"""FAISS below the segments: the inverted lists and graphs that name candidates, and how they are trained."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.dance_index.manifest import Kind, Parameters

EXACT_ENTRIES = 50_000
"""Up to here every entry is compared."""
GRAPH_ENTRIES = 200_000
"""Up to here a graph is walked; beyond, building it takes longer than training lists, and it fills more memory."""
_LINKS, _BREADTH = 32, 64
_LEAST_TRAINED, _MOST_TRAINED = 40, 65_536
_TRAINING_PASSES = 8
_CODED_ROWS = 100_000


def faiss_untyped() -> Any:
    """faiss; its Python layer takes arrays and keywords that its annotations do not know."""
    import faiss

    return faiss


def chosen_parameters(count: int, dimension: int, kind: Kind = "auto") -> Parameters:
    """Kind and parameters for `count` entries of `dimension` channels; breadth and depth are tuned later.

    Lists: 4 √N of them, by the common rule of FAISS, and codes of one byte for four channels. Fewer than 64 entries
    cannot train anything and stay exact.
    """
    if kind == "auto":
        kind = "exact" if count <= EXACT_ENTRIES else "graph" if count <= GRAPH_ENTRIES else "lists"
    if kind == "exact" or count < 64:
        return Parameters()
    if kind == "graph":
        return Parameters("graph", breadth=_BREADTH, depth=_BREADTH, links=_LINKS)
    lists = min(int(4 * math.sqrt(count)), max(1, count // _LEAST_TRAINED))
    code_bytes = max(size for size in range(1, dimension // 4 + 1) if dimension % size == 0) if dimension > 3 else 1
    return Parameters("lists", breadth=min(lists, 8), depth=200, lists=lists, code_bytes=code_bytes)


def trained_lists(vectors: NDArray[np.float16], parameters: Parameters) -> tuple[Any, Parameters]:
    """Empty lists with centres and codes learned from the stored vectors, and the parameters with `spread`."""
    faiss = faiss_untyped()
    count, dimension = vectors.shape
    centres = faiss.IndexFlatIP(dimension)
    bits = 8 if count >= 40 * 256 else 4
    lists = faiss.IndexIVFPQ(
        centres, dimension, parameters.lists, parameters.code_bytes, bits, faiss.METRIC_INNER_PRODUCT
    )
    lists.cp.niter = lists.pq.cp.niter = _TRAINING_PASSES
    lists.cp.spherical = True
    lists.cp.min_points_per_centroid = lists.pq.cp.min_points_per_centroid = 1
    lists.pq.cp.max_points_per_centroid = _LEAST_TRAINED * 2
    size = min(count, max(_LEAST_TRAINED * parameters.lists, _MOST_TRAINED))
    sample = np.sort(np.random.default_rng(0).choice(count, size=size, replace=False))
    rows = vectors[sample].astype(np.float32)
    lists.train(rows)
    return lists, replace(parameters, trained_on=count, spread=spread_of(lists, rows))


def spread_of(lists: Any, rows: NDArray[np.float32]) -> float:
    """Mean squared distance of unit vectors (N, E) from the centres of the lists that they go to."""
    centres = lists.quantizer.reconstruct_n(0, lists.nlist)
    nearest = lists.quantizer.search(rows, 1)[1][:, 0]
    return float(np.square(rows - centres[nearest]).sum(1).mean())


def empty_copy(path: Path) -> Any:
    """The centres and codes of the lists in a file, without their entries."""
    faiss = faiss_untyped()
    lists = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
    entries = faiss.ArrayInvertedLists(lists.nlist, lists.code_size)
    lists.replace_invlists(entries, True)
    entries.this.disown()  # the lists free it
    lists.ntotal = 0
    return lists


def fill(lists: Any, vectors: NDArray[np.float16]) -> None:
    """Put all vectors into the lists, in order, so that every list is sorted by row."""
    for first in range(0, len(vectors), _CODED_ROWS):
        lists.add(vectors[first : first + _CODED_ROWS].astype(np.float32))


def built_graph(vectors: NDArray[np.float16], parameters: Parameters) -> Any:
    """A graph over all vectors, which it keeps in half precision."""
    faiss = faiss_untyped()
    half = faiss.ScalarQuantizer.QT_fp16
    graph = faiss.IndexHNSWSQ(vectors.shape[1], half, parameters.links, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = 2 * parameters.links
    graph.train(vectors[:1].astype(np.float32))
    fill(graph, vectors)
    return graph


def scanned(
    vectors: NDArray[np.float16], query: NDArray[np.float32], count: int, ranges: Iterable[tuple[int, int]]
) -> NDArray[np.int64]:
    """Up to `count` rows of `vectors` (N, E) nearest to a query (E,) within ranges of rows, in no order.

    The vectors are compared as they lie in the file; making them floats first takes numpy ten times as long.
    """
    faiss = faiss_untyped()
    coder = faiss.ScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16)
    scanner = coder.select_InvertedListScanner(faiss.METRIC_INNER_PRODUCT, None, False, None, False)
    query = np.ascontiguousarray(query, np.float32)
    scanner.set_query(faiss.swig_ptr(query))
    scores, found = np.full(count, -np.inf, np.float32), np.full(count, -1, np.int64)
    best = (faiss.swig_ptr(scores), faiss.swig_ptr(found), count)
    for first, end in ranges:
        rows, numbers = vectors[first:end], np.arange(first, end)
        codes = faiss.cast_integer_to_uint8_ptr(rows.ctypes.data)
        scanner.scan_codes(len(rows), codes, faiss.swig_ptr(numbers), *best)
    return found[found >= 0]


def write_searcher(searcher: Any, path: Path) -> None:
    """Write lists or a graph; raises OSError when that fails."""
    try:
        faiss_untyped().write_index(searcher, str(path))
    except RuntimeError as error:
        raise OSError(str(error)) from error


class Searcher:
    """Lists or a graph in a file, mapped into memory; raises RuntimeError when faiss cannot read it."""

    def __init__(self, path: Path, parameters: Parameters) -> None:
        faiss = faiss_untyped()
        self.parameters = parameters
        self._is_graph = parameters.kind == "graph"
        self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if self._is_graph else faiss.IO_FLAG_MMAP)
        if not self._is_graph:
            # Threads that read ahead cost more than the lists that they would read.
            faiss.downcast_InvertedLists(self._index.invlists).prefetch_nthread = 0

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def everything(self) -> int:
        """The breadth at which every entry is looked at."""
        return self.parameters.lists or self.size

    def candidates(
        self,
        queries: NDArray[np.float32],
        count: int,
        rows: tuple[int, int],
        left_out: NDArray[np.bool_] | None,
        breadth: int,
    ) -> NDArray[np.int64]:
        """Up to `count` rows within the range `rows` for each query (B, E), -1 where there are fewer.

        `left_out` (N,) marks rows that are not wanted. The best comes first, as far as lists know.
        """
        faiss = faiss_untyped()
        first, end = rows
        within = None if (first, end) == (0, self.size) else faiss.IDSelectorRange(first, end, not self._is_graph)
        wanted = within
        if left_out is not None:
            others = faiss.IDSelectorBitmap(np.packbits(~left_out, bitorder="little"))
            wanted = others if within is None else faiss.IDSelectorAnd(within, others)
        if self._is_graph:
            parameters = faiss.SearchParametersHNSW(efSearch=max(breadth, count), sel=wanted)
        else:
            parameters = faiss.SearchParametersIVF(nprobe=breadth, sel=wanted)
        found: NDArray[np.int64] = self._index.search(queries, count, params=parameters)[1]
        return found
