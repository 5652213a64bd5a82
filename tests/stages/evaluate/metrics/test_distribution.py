from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.evaluate.metrics.distribution import diversity, frechet_distance, normalize_features


def test_fid_of_one_dimension_by_hand() -> None:
    first, second = np.array([[0.0], [2.0]]), np.array([[3.0], [11.0]])
    # Means 1 and 7, variances 2 and 32: 36 + 2 + 32 − 2·8.
    assert frechet_distance(first, second) == pytest.approx(54.0)


def test_fid_agrees_with_the_matrix_square_root() -> None:
    random = np.random.default_rng(0)
    first = random.normal(size=(200, 6)) @ random.normal(size=(6, 6))
    second = random.normal(size=(150, 6)) @ random.normal(size=(6, 6)) + 0.5
    s1, s2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    shift = first.mean(axis=0) - second.mean(axis=0)
    expected = shift @ shift + np.trace(s1 + s2 - 2 * np.real(sqrtm(s1 @ s2)))
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(second, first) == pytest.approx(expected, rel=1e-8)


def test_fid_with_itself_is_zero_even_when_singular() -> None:
    features = np.random.default_rng(1).normal(size=(10, 30))
    features[:, 5] = features[:, 4]
    assert frechet_distance(features, features) == pytest.approx(0.0, abs=1e-6)


def test_diversity_is_the_mean_distance_of_all_pairs() -> None:
    assert diversity(np.array([[0.0, 0], [3, 4], [0, 4]])) == pytest.approx((5 + 4 + 3) / 3)


def test_normalisation_is_the_references() -> None:
    reference = np.array([[0.0, 5.0], [4.0, 5.0]])
    np.testing.assert_allclose(normalize_features(np.array([[6.0, 5.0]]), reference), [[2.0, 0.0]])


def test_sets_too_small_to_have_a_covariance_are_refused() -> None:
    with pytest.raises(BadInput, match=r"\(1, 3\)"):
        frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
    with pytest.raises(BadInput, match="diversity"):
        diversity(np.zeros((1, 3)))
