from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.models.dance_index import folder as folder_module
from infinitedance_cli.models.dance_index import load_index, searchers, settling, writer
from infinitedance_cli.models.dance_index.base import EmbeddedClip, IndexedClip
from infinitedance_cli.models.dance_index.folder import FolderIndex
from infinitedance_cli.models.dance_index.manifest import Kind
from infinitedance_cli.models.dance_index.settling import advice
from infinitedance_cli.models.dance_index.writer import IndexWriter

CLIPS, PER_CLIP, WINDOW, SIZE = 120, 10, 8, 16
GENRES = ("salsa", "krump", "", "salsa")
DETAILS = {"codebook_sha256": "ab" * 32, "retriever_sha256": "cd" * 32}
KINDS: tuple[Kind, ...] = ("exact", "graph", "lists")

Entry = tuple[str, int]


@cache
def vectors(number: int, offset: float = 0.0) -> NDArray[np.float32]:
    random = np.random.default_rng(number)
    rows = random.normal(size=(PER_CLIP, SIZE)) + offset * np.arange(SIZE)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clip(number: int, name: str = "", content: str = "", offset: float = 0.0) -> EmbeddedClip:
    random = np.random.default_rng(number)
    codes = random.integers(0, 99, (44, 3)).astype(np.int16)
    movement = random.integers(-4, 5, (44, 2)).astype(np.float32) / 4
    indexed = IndexedClip(
        name or f"clip{number}#1",
        GENRES[number % len(GENRES)],
        codes,
        {"licence": "CC0"},
        movement,
        content or f"content{number}",
    )
    return EmbeddedClip(indexed, np.arange(PER_CLIP, dtype=np.int32) * 4, vectors(number, offset))


def build(folder: Path, clips: int = CLIPS, kind: Kind = "auto") -> FolderIndex:
    with IndexWriter(folder, WINDOW, DETAILS, kind=kind) as new:
        for number in range(clips):
            new.add(clip(number))
        return new.finish()


def grow(folder: Path, numbers: range, offset: float = 0.0) -> FolderIndex:
    with IndexWriter(folder, WINDOW, DETAILS, grow=True) as old:
        for number in numbers:
            if not old.has(f"clip{number}#1", f"content{number}"):
                old.add(clip(number, offset=offset))
        return old.finish()


def entries(index: FolderIndex, query: NDArray[np.float32], count: int, **limits: object) -> list[Entry]:
    (hits,) = index.search(query[None], count, **limits)  # type: ignore[arg-type]
    return [(index.clips[hit.clip].clip_id, hit.start_step) for hit in hits]


def nearest(query: NDArray[np.float32], count: int, numbers: list[int]) -> list[Entry]:
    scores = np.concatenate([vectors(number) for number in numbers]).astype(np.float16).astype(np.float32) @ query
    best = np.argsort(-scores, kind="stable")[:count].tolist()
    return [(f"clip{numbers[row // PER_CLIP]}#1", 4 * (row % PER_CLIP)) for row in best]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sizes at which an index changes its ways, brought down to what a test can fill."""
    monkeypatch.setattr(folder_module, "_FEW_ENTRIES", 40)
    monkeypatch.setattr(folder_module, "_FETCHED_TOO_MUCH", 15)
    monkeypatch.setattr(settling, "_FEW_ENTRIES", 40)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def index(tmp_path: Path, kind: Kind) -> FolderIndex:
    return build(tmp_path / "index", kind=kind)


def test_the_nearest_are_found_with_and_without_filters(index: FolderIndex, kind: Kind) -> None:
    """Recall is what the build says it is; filters leave nothing wrong in, and find as much."""
    assert index.segments[0].entry.parameters.kind == kind and index.manifest.recall >= 0.95
    every = list(range(CLIPS))
    salsa = [number for number in every if GENRES[number % 4] == "salsa"]
    limits: tuple[tuple[dict[str, object], list[int]], ...] = (
        ({}, every),
        ({"genre": "salsa"}, salsa),
        ({"genre": "salsa", "without": {"clip3", "clip4#7", "unknown"}}, [n for n in salsa if n not in (3, 4)]),
        ({"without": {f"clip{n}" for n in range(100)}}, every[100:]),
    )
    for limit, allowed in limits:
        right = 0
        for number in range(20):
            query = vectors(1000 + number)[0]
            found, true = entries(index, query, 10, **limit), nearest(query, 10, allowed)
            assert {name for name, _ in found} <= {f"clip{n}#1" for n in allowed} and len(found) == 10
            right += len(set(found) & set(true))
        assert right >= (200 if kind == "exact" else 185), (limit, right)


def test_clips_are_read_where_they_lie(index: FolderIndex) -> None:
    for number, found in enumerate(index.clips):
        if found.clip_id == "clip17#1":
            wanted = clip(17).clip
            np.testing.assert_array_equal(found.codes, wanted.codes)
            np.testing.assert_array_equal(found.movement, wanted.movement)
            assert (found.genre, found.provenance) == (wanted.genre, wanted.provenance)
            (hit,) = index.search(vectors(17)[3:4], 1)[0]
            assert (hit.clip, hit.start_step) == (number, 12) and hit.similarity == pytest.approx(1, abs=1e-3)
            np.testing.assert_array_equal(index.codes(hit), wanted.codes[12:20])
    assert index.genres == ("krump", "salsa")
    speeds = [clip(n).clip.movement[:, 1].mean() for n in range(CLIPS) if GENRES[n % 4] == "krump"]
    assert index.pace("krump") == pytest.approx(float(np.mean(speeds)), abs=1e-4) and index.pace("ballet") == 0


def test_fewer_entries_than_asked_for(index: FolderIndex) -> None:
    others = {f"clip{n}" for n in range(CLIPS) if n != 1}
    assert len(entries(index, vectors(2)[0], 30, without=others)) == PER_CLIP
    assert entries(index, vectors(2)[0], 3, genre="ballet") == []


def test_adding_leaves_what_is_there_as_it_is(tmp_path: Path, index: FolderIndex, kind: Kind) -> None:
    """The searcher that was trained is the same file, byte for byte; old readers and new ones both find theirs."""
    base = index.segments[0].folder / "searcher.faiss"
    before = base.read_bytes() if kind != "exact" else b""
    query = vectors(CLIPS + 3)[5]
    old_answer = entries(index, query, 5)
    now = grow(tmp_path / "index", range(CLIPS - 5, CLIPS + 20))
    assert len(now) == len(index) + 20 * PER_CLIP and now.clip_count == CLIPS + 20
    assert kind == "exact" or base.read_bytes() == before
    assert entries(now, query, 1) == [(f"clip{CLIPS + 3}#1", 20)]
    assert entries(index, query, 5) == old_answer
    reopened = load_index(tmp_path / "index")
    assert isinstance(reopened, FolderIndex) and entries(reopened, query, 5) == entries(now, query, 5)


def test_a_clip_of_the_same_name_takes_the_place_of_the_old(tmp_path: Path, index: FolderIndex) -> None:
    with IndexWriter(tmp_path / "index", WINDOW, DETAILS, grow=True) as old:
        assert old.has("clip7#1", "content7") and not old.has("clip7#1", "other")
        old.add(clip(500, name="clip7#1"))
        assert old.replaced == 1
        now = old.finish()
    assert len(now) == len(index)
    assert entries(now, vectors(500)[2], 1) == [("clip7#1", 8)]
    assert ("clip7#1", 8) not in entries(now, vectors(7)[2], 5)


def test_removed_clips_are_found_no_more(tmp_path: Path, index: FolderIndex) -> None:
    """A few are passed over; when many are gone, the segment is written anew without them."""
    for names in (["clip9#1"], [f"clip{n}#1" for n in range(60, 100)]):
        with IndexWriter(tmp_path / "index", WINDOW, DETAILS, grow=True) as old:
            assert old.remove([*names, "nobody"]) == ["nobody"]
            now = old.finish()
        assert not {"clip9#1", *names} & {name for name, _ in entries(now, vectors(9)[0], 60)}
    assert len(now) == (CLIPS - 41) * PER_CLIP and sum(entry.windows for entry in now.manifest.segments) == len(now)


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], Path]:
    """A folder as a writer leaves it that is killed: committed in part, with a segment that was not named yet."""

    def make(growing: bool) -> Path:
        monkeypatch.setattr(writer, "_COMMIT_WINDOWS", 50)
        folder = tmp_path / "index"
        if growing:
            build(folder, 30)
        with IndexWriter(folder, WINDOW, DETAILS, grow=growing) as new:
            for number in range(30, 52):
                new.add(clip(number))
            shutil.copytree(folder, tmp_path / "killed")
        (tmp_path / "killed" / "segment-000099").mkdir()
        (tmp_path / "killed" / "segment-000099" / "vectors.npy").write_bytes(b"half")
        return tmp_path / "killed"

    return make


def test_an_interrupted_build_goes_on(stopped: Callable[[bool], Path]) -> None:
    folder = stopped(False)
    with pytest.raises(MissingResource, match="not finished; give the `idance build-index` that made it again"):
        load_index(folder)
    fresh = 0
    with IndexWriter(folder, WINDOW, DETAILS) as again:
        for number in range(35, 60):
            if not again.has(f"clip{number}#1", f"content{number}"):
                again.add(clip(number))
                fresh += 1
        index = again.finish()
    assert fresh == 60 - 50, "twenty were committed, of which five are not asked for any more"
    assert sorted(one.clip_id for one in index.clips) == sorted(f"clip{n}#1" for n in range(35, 60))
    assert sorted(path.name for path in folder.glob("segment-*")) == [entry.name for entry in index.manifest.segments]


def test_interrupted_growth_goes_on(stopped: Callable[[bool], Path]) -> None:
    folder = stopped(True)
    half = load_index(folder)
    assert len(half) == 50 * PER_CLIP
    whole = grow(folder, range(30, 60))
    assert sorted(one.clip_id for one in whole.clips) == sorted(f"clip{n}#1" for n in range(60))
    assert len(whole) == 60 * PER_CLIP and len(half.search(vectors(3)[:1], 5)[0]) == 5


def test_an_error_keeps_what_was_done(tmp_path: Path) -> None:
    def clips() -> Iterator[EmbeddedClip]:
        yield clip(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), IndexWriter(tmp_path / "index", WINDOW, DETAILS) as new:
        for one in clips():
            new.add(one)
    with IndexWriter(tmp_path / "index", WINDOW, DETAILS) as again:
        assert again.has("clip0#1", "content0")


def test_a_new_index_takes_the_place_of_the_old_when_it_is_finished(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(folder, 20)
    with IndexWriter(folder, WINDOW, DETAILS) as new:
        new.add(clip(50))
        new.commit()
        assert len(load_index(folder)) == 20 * PER_CLIP
        new.finish()
    assert [one.clip_id for one in load_index(folder).clips] == ["clip50#1"]


def test_sizes_choose_the_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Growing past a limit changes the search once; training anew is only advised, and done when asked for."""
    monkeypatch.setattr(searchers, "EXACT_ENTRIES", 300)
    monkeypatch.setattr(searchers, "GRAPH_ENTRIES", 900)
    folder = tmp_path / "index"
    kinds = [build(folder, 30).segments[0].entry.parameters.kind]
    kinds += [grow(folder, range(end)).segments[0].entry.parameters.kind for end in (60, 200, 400)]
    assert kinds == ["exact", "graph", "lists", "lists"]
    assert load_index(folder).segments[0].entry.parameters.trained_on == 2000  # type: ignore[attr-defined]
    with IndexWriter(folder, WINDOW, DETAILS, grow=True) as old:
        (entry,) = old.finish(retrain=True).manifest.segments
    assert entry.parameters.trained_on == 4000


def test_training_is_advised_when_other_entries_come(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(folder, kind="lists")
    assert advice(grow(folder, range(CLIPS, CLIPS + 20))) == []
    reasons = advice(grow(folder, range(CLIPS + 20, 5 * CLIPS)))
    assert any("were when it was trained" in reason for reason in reasons), reasons


def test_many_small_additions_stay_few_segments(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(folder, kind="lists")
    for first in range(CLIPS, CLIPS + 60, 5):
        index = grow(folder, range(first, first + 5))
    assert len(index.segments) <= 8 and len(index) == (CLIPS + 60) * PER_CLIP
    assert {segment.entry.parameters.trained_on for segment in index.segments} <= {0, CLIPS * PER_CLIP}
