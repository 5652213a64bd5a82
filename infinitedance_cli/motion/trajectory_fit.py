"""Smooth corrections of a path: banded least squares over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

_BANDS = 3
_DIFFERENCES = {0: (1.0,), 1: (-1.0, 1.0), 2: (1.0, -2.0, 1.0), 3: (-1.0, 3.0, -3.0, 1.0)}


@dataclass
class PathFit:
    """Minimise a sum of weighted squares of differences (orders 0 to 3) of an unknown path x (T, C).

    Each `add` puts in Σ weight · |Δᵒʳᵈᵉʳ x − wanted|²; `solve` gives x. Cost grows with T only.
    """

    frames: int
    channels: int
    _matrix: FloatArray = field(init=False)
    _right: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self._matrix = np.zeros((_BANDS + 1, self.frames))
        self._right = np.zeros((self.frames, self.channels))

    def add(self, order: int, weight: FloatArray | float, wanted: FloatArray | float = 0.0) -> None:
        """Ask for `wanted` (T-order, C) differences of `order` with `weight` (T-order,); scalars are broadcast."""
        rows = self.frames - order
        if rows <= 0:
            return
        weights = np.broadcast_to(np.asarray(weight, dtype=np.float64), (rows,))
        target = np.broadcast_to(np.asarray(wanted, dtype=np.float64), (rows, self.channels))
        factors = _DIFFERENCES[order]
        for first, left in enumerate(factors):
            self._right[first : first + rows] += (left * weights)[:, None] * target
            for second in range(first, len(factors)):
                band = _BANDS - (second - first)
                self._matrix[band, second : second + rows] += left * factors[second] * weights

    def solve(self) -> FloatArray:
        """The path x (T, C)."""
        from scipy.linalg import solveh_banded

        bands = min(_BANDS, self.frames - 1)
        path: FloatArray = solveh_banded(self._matrix[_BANDS - bands :], self._right, check_finite=False)
        return path
