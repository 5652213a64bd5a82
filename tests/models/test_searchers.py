"""FAISS below the segments of an index folder."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.models.dance_index.searchers import scanned


@pytest.mark.parametrize("size", [5, 32])
def test_vectors_are_compared_where_they_lie(tmp_path: Path, size: int) -> None:
    """A scan finds what numpy finds, over ranges of rows, and copies no vector of the mapped file."""
    random = np.random.default_rng(0)
    np.save(tmp_path / "vectors.npy", random.normal(size=(30_000, size)).astype(np.float16))
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    query = random.normal(size=size).astype(np.float32)
    ranges = [(3, 4), (100, 17_000), (17_010, 29_999)]
    rows = np.concatenate([np.arange(*each) for each in ranges])
    wanted = rows[np.argsort(-(mapped[rows].astype(np.float32) @ query))[:25]]
    assert scanned(mapped, query, 9, ranges[:1]).tolist() == [3]
    tracemalloc.start()
    found = scanned(mapped, query, 25, ranges)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(found.tolist()) == set(wanted.tolist())
    assert most < 8 * 30_000 + 16_384, "nothing but the numbers of the rows"
