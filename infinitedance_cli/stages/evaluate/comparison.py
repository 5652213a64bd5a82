"""Sets of dances side by side in the same spaces: measured, real, and retrieved ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.evaluate.metrics.distribution import normalize_features
from infinitedance_cli.stages.evaluate.metrics.spaces import RULES, SPACES, FeatureRow, set_distances
from infinitedance_cli.stages.evaluate.reference import Reference

FloatArray = NDArray[np.floating]
Spaces = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Compared:
    """Features (N, D) of each set by space, normalised by the real one; joints stay metres.

    All sets have the same columns: kinetic features of as many joints as all have. A space that a reference lacks
    (joints, in statistics of others) is missing from it.
    """

    generated: Spaces
    real: Spaces
    retrieved: Spaces

    def distances(self) -> dict[str, dict[str, float | None]]:
        """Mean distances of dances within and between the sets, by space (paper, Table 8); None without a set."""
        found: dict[str, dict[str, float | None]] = {}
        for space in SPACES:
            mine, real, retrieved = (known.get(space) for known in (self.generated, self.real, self.retrieved))
            found[space] = {
                "generated_real": _between(mine, real),
                "generated_retrieved": _between(mine, retrieved),
                "retrieved_retrieved": _within(retrieved),
                "generated_generated": _within(mine),
                "real_real": _within(real),
            }
        return found


def compare(rows: Sequence[FeatureRow], reference: Reference, retrieved: Reference | None, rule: str) -> Compared:
    """The sets under the feature rule called `rule`. Raises BadInput when a reference was made without it."""
    base = reference.features(rule)
    others = {} if retrieved is None else retrieved.features(rule)
    result: tuple[dict[str, FloatArray], ...] = ({}, {}, {})
    for space in SPACES:
        vectors = [getattr(row, space) for row in rows]
        known = [features[space] for features in (base, others) if space in features]
        width = min([*(len(vector) for vector in vectors), *(values.shape[1] for values in known)], default=0)
        mine = np.array([vector[:width] for vector in vectors], dtype=np.float64).reshape(len(rows), width)
        sets = (mine, *(features.get(space) for features in (base, others)))
        for into, values in zip(result, sets, strict=True):
            if values is not None:
                into[space] = _normalised(values[:, :width], base.get(space), space, RULES[rule].mended)
    return Compared(*result)


def _normalised(values: FloatArray, base: FloatArray | None, space: str, mended: bool) -> FloatArray:
    exact = values.astype(np.float64)
    if space == "joint" or base is None:
        return exact
    return normalize_features(exact, base[:, : exact.shape[1]].astype(np.float64), mended=mended)


def _between(first: FloatArray | None, second: FloatArray | None) -> float | None:
    if first is None or second is None or not len(first) or not len(second):
        return None
    return set_distances(first, second)


def _within(features: FloatArray | None) -> float | None:
    return None if features is None or len(features) < 2 else set_distances(features)
