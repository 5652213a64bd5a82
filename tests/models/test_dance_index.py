from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.dance_index import DanceIndex, Hit, IndexedClip, build_index, file, load_index, save_index

CLIPS, WINDOWS_PER_CLIP, WINDOW = 60, 10, 8
GENRES = ("salsa", "krump", "")


def embeddings(count: int = CLIPS * WINDOWS_PER_CLIP, size: int = 16, seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, size))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def windows() -> NDArray[np.int32]:
    clips = np.repeat(np.arange(CLIPS), WINDOWS_PER_CLIP)
    return np.stack([clips, np.tile(np.arange(WINDOWS_PER_CLIP) * 4, CLIPS)], axis=1).astype(np.int32)


@pytest.fixture(params=["exact", "inverted file"])
def index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> DanceIndex:
    """The same entries searched one by one, and by inverted lists."""
    if request.param == "inverted file":
        monkeypatch.setattr(file, "EXACT_ENTRIES", 250)
        monkeypatch.setattr(file, "_FEW_ENTRIES", 250)
    random = np.random.default_rng(1)
    clips = [
        IndexedClip(
            f"clip{n}#1",
            GENRES[n % 3],
            random.integers(0, 99, (44, 3)).astype(np.int16),
            {"licence": "CC0"},
            random.integers(-4, 5, (44, 2)).astype(np.float32) / 4,
        )
        for n in range(CLIPS)
    ]
    return build_index(clips, windows(), embeddings(), WINDOW, {"codebook_sha256": "ab" * 32})


def nearest(query: NDArray[np.float32], allowed: NDArray[np.bool_], count: int) -> list[tuple[int, int]]:
    scores = np.where(allowed, embeddings() @ query, -np.inf)
    return [tuple(map(int, windows()[row])) for row in np.argsort(-scores)[:count]]  # type: ignore[misc]


def found(hits: list[Hit]) -> list[tuple[int, int]]:
    return [(hit.clip, hit.start_step) for hit in hits]


def test_every_entry_finds_itself(index: DanceIndex) -> None:
    for row, hits in enumerate(index.search(embeddings(), 1)):
        assert found(hits) == [tuple(windows()[row])] and hits[0].similarity == pytest.approx(1, abs=1e-5)


def test_turns_of_codes_are_read_off_the_steps_that_have_them() -> None:
    """Each step turns by the first channel of its vectors' sum; the codes 12 to 15 occur nowhere and are known too."""
    random = np.random.default_rng(0)
    codebooks = random.normal(size=(2, 16, 5)).astype(np.float32)
    codes = random.integers(0, 12, (400, 2)).astype(np.int16)
    turns = codebooks[0, codes[:, 0], 0] + codebooks[1, codes[:, 1], 0]
    movement = np.stack((turns, np.linspace(0, 2, 400)), axis=1).astype(np.float32)
    parts = {"a": slice(0, 100), "b": slice(100, 400)}
    clips = [IndexedClip(name, name, codes[part], {}, movement[part]) for name, part in parts.items()]
    index = build_index(clips, np.zeros((1, 2), np.int32), embeddings(1), WINDOW, {})
    np.testing.assert_allclose(index.code_turns(codebooks), codebooks[..., 0], atol=0.1)
    assert index.pace("a") == pytest.approx(99 / 399) and index.pace("c") == 0


def test_filters_are_exact(index: DanceIndex) -> None:
    """However few entries a filter leaves, the nearest of them are found, best first."""
    query = embeddings(1, seed=5)
    of_genre = np.array([GENRES[clip % 3] == "krump" for clip, _ in windows()])
    not_clip = np.array([clip != 4 for clip, _ in windows()])
    assert found(index.search(query, 5, genre="krump")[0]) == nearest(query[0], of_genre, 5)
    both = index.search(query, 5, genre="krump", without={"clip4", "unknown"})[0]
    assert found(both) == nearest(query[0], of_genre & not_clip, 5)
    similarities = [hit.similarity for hit in both]
    assert similarities == sorted(similarities, reverse=True)


@pytest.mark.parametrize("name", ["clip4", "clip4#1", "clip4#7"])
def test_a_clip_is_left_out_with_all_its_variants(index: DanceIndex, name: str) -> None:
    (hits,) = index.search(embeddings()[40:41], len(index), without={name})
    assert len(hits) == len(index) - WINDOWS_PER_CLIP and 4 not in {hit.clip for hit in hits}


def test_fewer_entries_than_asked_for(index: DanceIndex) -> None:
    others = {f"clip{n}" for n in range(CLIPS) if n != 1}
    assert len(index.search(embeddings(2), 30, without=others)[1]) == WINDOWS_PER_CLIP
    assert index.search(embeddings(2), 3, genre="ballet") == [[], []]
    assert len(index.search(embeddings(1), 10_000)[0]) == len(index)


def test_codes_and_genres(index: DanceIndex) -> None:
    np.testing.assert_array_equal(index.codes(Hit(1.0, 7, 12)), index.clips[7].codes[12:20])
    assert index.genres == ("krump", "salsa")


def test_a_file_holds_all_of_it(index: DanceIndex, tmp_path: Path) -> None:
    save_index(index, tmp_path / "index.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["index.safetensors"]
    loaded = load_index(tmp_path / "index.safetensors")
    query = embeddings(3, seed=9)
    assert loaded.search(query, 7, genre="salsa") == index.search(query, 7, genre="salsa")
    assert (loaded.window_steps, loaded.details) == (WINDOW, index.details)
    for one, other in zip(loaded.clips, index.clips, strict=True):
        np.testing.assert_array_equal(one.codes, other.codes)
        np.testing.assert_array_equal(one.movement, other.movement)
        assert replace(one, codes=other.codes, movement=other.movement) == other


def test_codes_of_another_codebook(index: DanceIndex) -> None:
    index.require_codebook("ab" * 32)
    with pytest.raises(BadInput, match="codes of the codebook abababababab…, the tokenizer has cdcdcdcdcdcd…"):
        index.require_codebook("cd" * 32)


def test_what_is_no_index(tmp_path: Path, index: DanceIndex) -> None:
    path = tmp_path / "index.safetensors"
    with pytest.raises(MissingResource, match="no such index"):
        load_index(path)
    save_file({"weights": np.zeros(3)}, path)
    with pytest.raises(BadInput, match="not a dance index"):
        load_index(path)
    save_index(index, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(BadInput, match="unreadable index"):
        load_index(path)
    path.write_bytes(whole.replace(b'\\"format_version\\": 2', b'\\"format_version\\": 3'))
    with pytest.raises(BadInput, match="newer than this idance"):
        load_index(path)


def test_what_cannot_be_indexed() -> None:
    rows = embeddings()
    rows[3, 0] = np.nan
    clips = [IndexedClip("a", "", np.zeros((44, 3), np.int16), {}, np.zeros((44, 2), np.float32))]
    with pytest.raises(BadInput, match="not finite"):
        build_index(clips, windows(), rows, WINDOW, {})
    with pytest.raises(BadInput, match="nothing to index"):
        build_index(clips, windows()[:0], rows[:0], WINDOW, {})
