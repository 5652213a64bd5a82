"""What an index in a folder refuses: other networks, damage, other writers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, MissingResource, UsageError
from infinitedance_cli.models.dance_index import load_index
from infinitedance_cli.models.dance_index.writer import IndexWriter
from tests.models.test_index_folder import DETAILS, PER_CLIP, SIZE, WINDOW, build, clip, small_limits, vectors

__all__ = ["small_limits"]  # a fixture that every test here uses


def test_what_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(folder, 20)
    with pytest.raises(BadInput, match="the index has retriever_sha256 cdcdcdcdcdcd…, found efefefefefef…"):
        IndexWriter(folder, WINDOW, {**DETAILS, "retriever_sha256": "ef" * 32}, grow=True).__enter__()
    with pytest.raises(BadInput, match="windows of 8, found 9"):
        IndexWriter(folder, 9, DETAILS, grow=True).__enter__()
    with IndexWriter(folder, WINDOW, DETAILS, grow=True), pytest.raises(UsageError, match="another idance is writing"):
        IndexWriter(folder, WINDOW, DETAILS, grow=True).__enter__()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        IndexWriter(tmp_path / "other", WINDOW, DETAILS).__enter__()
    wrong = replace(clip(3), vectors=np.full((PER_CLIP, SIZE), np.nan, np.float32))
    with IndexWriter(tmp_path / "new", WINDOW, DETAILS) as new:
        with pytest.raises(BadInput, match="not finite"):
            new.add(wrong)
        with pytest.raises(BadInput, match="nothing to index"):
            new.finish()


@pytest.mark.parametrize("name", ["vectors.npy", "codes.npy", "clips.jsonl", "searcher.faiss"])
def test_a_file_that_was_cut(tmp_path: Path, name: str) -> None:
    path = build(tmp_path / "index", kind="lists").segments[0].folder / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput, match=f"{name}: found .* bytes, expected .*: the index is cut; build it again"):
        load_index(tmp_path / "index")


@pytest.mark.parametrize("name", ["vectors.npy", "clips.jsonl", "searcher.faiss"])
def test_a_file_that_holds_something_else(tmp_path: Path, name: str) -> None:
    path = build(tmp_path / "index", kind="lists").segments[0].folder / name
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(BadInput, match="build it again with `idance build-index`"):
        index = load_index(tmp_path / "index")
        index.search(vectors(0)[:1], 3)
        index.codes(index.search(vectors(0)[:1], 3)[0][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header.update(format="other"), "not a dance index"),
        (lambda header: header.update(format_version=9), "index format 9 is newer than this idance"),
        (lambda header: header.update(segments=[{"name": 3}]), "unreadable index"),
        (lambda header: header["segments"][0].update(name="segment-000777"), "found 0 bytes, expected"),
        (lambda header: header.clear(), "not a dance index"),
    ],
)
def test_a_manifest_that_is_wrong(tmp_path: Path, change: Callable[[dict[str, object]], None], message: str) -> None:
    build(tmp_path / "index", 5)
    path = tmp_path / "index" / "index.json"
    header = json.loads(path.read_text())
    change(header)
    path.write_text(json.dumps(header))
    with pytest.raises(BadInput, match=message):
        load_index(tmp_path / "index")


def test_a_folder_without_an_index(tmp_path: Path) -> None:
    with pytest.raises(MissingResource, match="no index in this folder"):
        load_index(tmp_path)
