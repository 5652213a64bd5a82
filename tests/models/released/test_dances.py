"""Dances of the release: references, openings, retrieval, and files that are no such thing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.released.bundle import ReleasedBundle
from tests.models.released.spoilt_files import Change, array_file, cut


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (Path.unlink, MissingResource, r"none of the 1 retrieved dances whole \(Ballet_a\.npy is missing"),
        (array_file(lambda rows: rows[:100]), MissingResource, r"Ballet_a\.npy has 100 frames for 0 to 384"),
        (
            array_file(lambda rows: rows[:, :263]),
            BadInput,
            r"Ballet_a\.npy: features \(800, 263\); expected \(frames, 264\)",
        ),
        (array_file(lambda rows: rows * np.nan), BadInput, r"Ballet_a\.npy: holds values that are not finite"),
        (cut, BadInput, r"Ballet_a\.npy: not a readable array, perhaps half downloaded"),
    ],
)
def test_a_clip_that_cannot_be_a_reference_is_named(
    bundle: ReleasedBundle, tmp_path: Path, change: Change, error: type[Exception], message: str
) -> None:
    shutil.copy(bundle.dances.features / "Ballet_a.npy", tmp_path)
    change(tmp_path / "Ballet_a.npy")
    with pytest.raises(error, match=message):
        replace(bundle.dances, features=tmp_path).reference(["Ballet_a@0_384"], 10, 384)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (array_file(lambda tokens: tokens + 512), r"gTiny_b\.npy: holds tokens that are no codes of their layer"),
        (array_file(lambda tokens: tokens.astype(np.float32)), r"gTiny_b\.npy: holds float32 values; expected tokens"),
        (cut, r"gTiny_b\.npy: not a readable array"),
    ],
)
def test_a_token_file_that_holds_something_else_is_named(
    bundle: ReleasedBundle, tmp_path: Path, change: Change, message: str
) -> None:
    shutil.copy(bundle.dances.tokens / "gTiny_b.npy", tmp_path)
    change(tmp_path / "gTiny_b.npy")
    with pytest.raises(BadInput, match=message):
        replace(bundle.dances, tokens=tmp_path).opening(["gTiny_b@192_576"], 20)


def test_reference_is_the_weighted_sum_of_normalised_segments(bundle: ReleasedBundle) -> None:
    dances = bundle.dances
    names = ["gTiny_b@192_576", "Ballet_a@0_384", "Popular_c@500_884", "gone@0_384"]
    first = np.load(dances.features / "gTiny_b.npy")[192:576]
    second = np.load(dances.features / "Ballet_a.npy")[:384]
    expected = (2 * first + second) / 3  # the third ends after its clip, the fourth has no file
    found = dances.reference(names, 10, 384)
    assert np.allclose(found * dances.deviation + dances.mean, expected, atol=1e-5)
    with pytest.raises(MissingResource, match="holds none of the 1"):
        dances.reference(["gone@0_384"], 10, 384)


def test_dances_are_sought_within_a_style(bundle: ReleasedBundle) -> None:
    dances = bundle.dances
    query = dances.embeddings[0]  # a ballet
    assert dances.search(query, 0, 5)[0] == "Ballet_a@0_384"
    popular = dances.search(query, 1, 10)
    assert sorted(popular) == sorted(name for name in dances.names if "Ballet" not in name)
    likeness = [float(dances.embeddings[dances.names.index(name)] @ query) for name in popular]
    assert likeness == sorted(likeness, reverse=True)
    with pytest.raises(MissingResource, match="none of the style latin; they have ballet, popular"):
        dances.search(query, 2, 5)


def test_opening_is_read_off_the_token_file(bundle: ReleasedBundle) -> None:
    flat = np.load(bundle.dances.tokens / "gTiny_b.npy").reshape(-1, 3) - 4096 - 512 * np.arange(3)
    opening = bundle.dances.opening(["gone@0_384", "gTiny_b@192_576"], 20)
    assert opening is not None and np.array_equal(opening, flat[48:68])
