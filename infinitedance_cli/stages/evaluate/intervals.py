"""Figures of a set of dances, with bootstrap 95 % intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.evaluate.metrics.distribution import frechet_distance

FloatArray = NDArray[np.floating]

LEVEL = 0.95
_MOST_FRECHET = 200
"""Resamples of a Fréchet distance: each needs the eigenvalues of a matrix."""


@dataclass(frozen=True)
class Estimate:
    """`value` over `clips` dances, between `low` and `high` with 95 % confidence; None where undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None
    clips: int = 0


def mean_estimate(values: list[float | None], resamples: int, seed: int) -> Estimate:
    """Mean of the defined values."""
    known = np.array([value for value in values if value is not None])
    if len(known) == 0:
        return Estimate(None)
    random = np.random.default_rng(seed)
    # In blocks, so that memory does not grow with dances × resamples.
    means = [known[random.integers(0, len(known), len(known))].mean() for _ in range(resamples)]
    return _between(float(known.mean()), means, len(known))


def diversity_estimate(features: FloatArray, resamples: int, seed: int) -> Estimate:
    """Mean distance over all pairs of (N, D) normalised features; undefined for fewer than two."""
    from scipy.spatial.distance import pdist, squareform

    count = len(features)
    if count < 2:
        return Estimate(None, clips=count)
    distances = pdist(features)
    square, random = squareform(distances), np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        times = np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)
        # A dance drawn twice makes no pair with itself.
        pairs = count * count - float(times @ times)
        if pairs > 0:
            drawn.append(float(times @ square @ times) / pairs)
    return _between(float(distances.mean()), drawn, count)


def frechet_estimate(features: FloatArray, reference: FloatArray, resamples: int, seed: int) -> Estimate:
    """FID of (N, D) to (M, D); undefined for fewer than two dances.

    Resampling repeats dances and so loses spread: the interval lies high by as much as the bootstrap's mean exceeds
    the value, and is moved down by that.
    """
    count = len(features)
    if count < 2:
        return Estimate(None, clips=count)
    value, random = frechet_distance(features, reference), np.random.default_rng(seed)
    drawn = [
        frechet_distance(features[random.integers(0, count, count)], reference)
        for _ in range(min(resamples, _MOST_FRECHET))
    ]
    if drawn:
        bias = float(np.mean(drawn)) - value
        drawn = [max(0.0, one - bias) for one in drawn]
    return _between(value, drawn, count)


def _between(value: float, drawn: list[float], clips: int) -> Estimate:
    if not drawn or clips < 2:
        return Estimate(value, clips=clips)
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Estimate(value, float(low), float(high), clips)
