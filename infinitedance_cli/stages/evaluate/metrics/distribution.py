"""Distances between sets of dances in feature space: FID and diversity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput

FloatArray = NDArray[np.floating]


def normalize_features(features: FloatArray, reference: FloatArray, *, mended: bool = False) -> FloatArray:
    """`features` (N, D) by the mean and standard deviation of the `reference` set (M, D), plus 1e-10.

    So a feature that never varies in the reference is blown up by 1e10 where it does elsewhere; `mended` leaves such
    features at their size.
    """
    spread = reference.std(axis=0) + 1e-10
    if mended:
        spread = np.where(spread < 1e-6, 1.0, spread)
    scaled: FloatArray = (features - reference.mean(axis=0)) / spread
    return scaled


def frechet_distance(first: FloatArray, second: FloatArray) -> float:
    """FID between feature sets (N ≥ 2, D) and (M ≥ 2, D): |μ₁-μ₂|² + tr(S₁) + tr(S₂) - 2 tr √(S₁S₂).

    Unbiased covariances. The trace of the root is taken from the eigenvalues of √S₁ S₂ √S₁, which stays exact where
    the covariances are singular (fewer dances than features, duplicated features) and `sqrtm` does not.
    """
    if first.ndim != 2 or second.ndim != 2 or min(len(first), len(second)) < 2 or first.shape[1] != second.shape[1]:
        raise BadInput(f"FID: feature sets {first.shape} and {second.shape}; expected (N ≥ 2, D) and (M ≥ 2, D)")
    one, two = np.atleast_2d(np.cov(first, rowvar=False)), np.atleast_2d(np.cov(second, rowvar=False))
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ two @ root), 0)).sum()
    shift = first.mean(axis=0) - second.mean(axis=0)
    return float(shift @ shift + np.trace(one) + np.trace(two) - 2 * cross)


def diversity(features: FloatArray) -> float:
    """Div: mean Euclidean distance over all pairs of `features` (N ≥ 2, D), normalised by the ground truth's."""
    from scipy.spatial.distance import pdist

    if features.ndim != 2 or len(features) < 2:
        raise BadInput(f"diversity: features have shape {features.shape}; expected (N ≥ 2, D)")
    return float(pdist(features).mean())
