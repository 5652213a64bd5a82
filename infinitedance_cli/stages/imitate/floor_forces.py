"""Which forces of the floor, and which small change of the path, together explain a motion: one convex problem.

Per frame t, in body weights and metres: what is left to explain is r_t = d_t − G_t λ_t with d_t = b_t + (A x)_t and
(A x)_t = M_t (x_{t−1} − 2 x_t + x_{t+1}) / dt² + K_t x_t; x_t (6,) is the change of the path, λ_t ≥ 0 are the sizes of
forces along the edges of friction cones. Minimised is Σ |r_t|²_W + p_t·λ_t² + |x_t|²_Q + |ẍ_t|²_R.

For given x every frame stands alone and its dual has six unknowns: φ_t(d) = max_y dᵀy − |y|²_{1/W}/2 −
Σ max(0, gᵀy)²/2p, whose maximiser is the gradient of φ_t and gives λ = max(0, gᵀy)/p. Newton's method over x then
meets a matrix that is banded in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

_ROUNDS, _INNER_ROUNDS = 12, 40
_LENGTHS = tuple(0.5**halving for halving in range(24))
_BAND = 18
_ENOUGH = 1e-4


@dataclass(frozen=True, eq=False)
class FloorProblem:
    """`bias` b (T, 6), `mass` M (T, 6, 6), `stiffness` K (T, 6, 6), `edges` G (T, 6, N), `price` p (T, N); diagonal
    weights `residual` W (T, 6), `change` Q (T, 6) and `jolt` R (6,) of ẍ; `dt` seconds a frame."""

    bias: FloatArray
    mass: FloatArray
    stiffness: FloatArray
    edges: FloatArray
    price: FloatArray
    residual: FloatArray
    change: FloatArray
    jolt: FloatArray
    dt: float

    @property
    def blocks(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """A as what it takes of the frames before, at and after each (T, 6, 6)."""
        moved = self.mass / self.dt**2
        return moved, self.stiffness - 2 * moved, moved

    def moved(self, change: FloatArray) -> FloatArray:
        """A x (T, 6) of a change (T, 6)."""
        return _applied(self.blocks, change)


@dataclass(frozen=True, eq=False)
class FloorSolution:
    """`change` x (T, 6), `loads` λ (T, N), and what they leave: `residual` r (T, 6)."""

    change: FloatArray
    loads: FloatArray
    residual: FloatArray


def solve_floor_problem(problem: FloorProblem) -> FloorSolution:
    """The least of the cost; see the module."""
    from scipy.linalg import solveh_banded

    change = np.zeros_like(problem.bias)
    blocks = problem.blocks
    still = np.broadcast_to(np.eye(6) / problem.dt**2, blocks[0].shape)
    smooth = (still, -2 * still, still)
    fixed = _normal(smooth, np.broadcast_to(np.diag(problem.jolt), still.shape))
    fixed[0, :, range(6), range(6)] += problem.change.T

    def pull(change: FloatArray) -> FloatArray:
        return problem.change * change + _transposed(smooth, problem.jolt * _applied(smooth, change))

    def cost(change: FloatArray, dual: FloatArray) -> tuple[float, FloatArray]:
        dual, values = _explain(problem.bias + _applied(blocks, change), problem, dual)
        return float(values[1:-1].sum() + 0.5 * (change * pull(change)).sum()), dual

    best, dual = cost(change, _first_dual(problem))
    for _ in range(_ROUNDS):
        gradient = _transposed(blocks, dual) + pull(change)
        stiff = np.linalg.inv(_compliance(problem, dual))
        step = -solveh_banded(_banded(_normal(blocks, stiff) + fixed), gradient.ravel()).reshape(change.shape)
        for length in _LENGTHS:
            found, there = cost(change + length * step, dual)
            if found < best:
                break
        else:
            break
        gained, best, change, dual = best - found, found, change + length * step, there
        if gained < _ENOUGH * best:
            break
    loads = np.maximum(_times(np.swapaxes(problem.edges, 1, 2), dual), 0) / problem.price
    return FloorSolution(change, loads, problem.bias + _applied(blocks, change) - _times(problem.edges, loads))


def _first_dual(problem: FloorProblem) -> FloatArray:
    """Duals (T, 6) as if every load could also pull."""
    matrix = (problem.edges / problem.price[:, None]) @ np.swapaxes(problem.edges, 1, 2)
    matrix[:, range(6), range(6)] += 1 / problem.residual
    dual: FloatArray = np.linalg.solve(matrix, problem.bias[..., None])[..., 0]
    return dual


def _compliance(problem: FloorProblem, dual: FloatArray) -> FloatArray:
    """Matrices (T, 6, 6): what is left of the need, and what loads give, for a change of the dual."""
    loaded = _times(np.swapaxes(problem.edges, 1, 2), dual) > 0
    matrix = (problem.edges * (loaded / problem.price)[:, None]) @ np.swapaxes(problem.edges, 1, 2)
    matrix[:, range(6), range(6)] += 1 / problem.residual
    return matrix


def _explain(needed: FloatArray, problem: FloorProblem, dual: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Duals (T, 6) and costs (T,) of the best loads for what is needed (T, 6), from a first guess of the duals."""
    across = np.swapaxes(problem.edges, 1, 2)

    def value(dual: FloatArray) -> FloatArray:
        loads = np.maximum(_times(across, dual), 0)
        gained: FloatArray = (needed * dual - dual**2 / problem.residual / 2).sum(axis=1)
        return gained - (loads**2 / problem.price).sum(axis=1) / 2

    best = value(dual)
    for _ in range(_INNER_ROUNDS):
        loads = np.maximum(_times(across, dual), 0) / problem.price
        slope = needed - dual / problem.residual - _times(problem.edges, loads)
        step = np.linalg.solve(_compliance(problem, dual), slope[..., None])[..., 0]
        length = np.ones(len(dual))
        for shorter in _LENGTHS:
            worse = value(dual + length[:, None] * step) < best - 1e-12
            if not worse.any():
                break
            length = np.where(worse, shorter / 2, length)
        else:
            length = np.where(worse, 0.0, length)
        dual = dual + length[:, None] * step
        gained, best = value(dual) - best, value(dual)
        if (gained <= _ENOUGH * np.abs(best)).all():
            break
    return dual, best


def _times(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    product: FloatArray = (matrices @ vectors[..., None])[..., 0]
    return product


def _applied(blocks: tuple[FloatArray, FloatArray, FloatArray], change: FloatArray) -> FloatArray:
    """(A x) of all frames; the first and the last have no equation."""
    before, now, after = blocks
    result = np.zeros_like(change)
    result[1:-1] = _times(before[1:-1], change[:-2]) + _times(now[1:-1], change[1:-1]) + _times(after[1:-1], change[2:])
    return result


def _transposed(blocks: tuple[FloatArray, FloatArray, FloatArray], values: FloatArray) -> FloatArray:
    """Aᵀ times values of all frames."""
    before, now, after = (np.swapaxes(block[1:-1], 1, 2) for block in blocks)
    result = np.zeros_like(values)
    result[:-2] += _times(before, values[1:-1])
    result[1:-1] += _times(now, values[1:-1])
    result[2:] += _times(after, values[1:-1])
    return result


def _normal(blocks: tuple[FloatArray, FloatArray, FloatArray], weight: FloatArray) -> FloatArray:
    """Aᵀ S A as blocks (3, T, 6, 6): on the diagonal, and one and two frames right of it."""
    result = np.zeros((3, *weight.shape))
    inner = [block[1:-1] for block in blocks]
    heavy = [weight[1:-1] @ block for block in inner]
    for first in range(3):
        for second in range(first, 3):
            rows = slice(first, first + len(inner[0]))
            result[second - first, rows] += np.swapaxes(inner[first], 1, 2) @ heavy[second]
    return result


def _banded(normal: FloatArray) -> FloatArray:
    """Blocks (3, T, 6, 6) in the upper form that `scipy.linalg.solveh_banded` takes."""
    frames = normal.shape[1]
    upper = np.zeros((_BAND, 6 * frames))
    for apart in range(3):
        for row in range(6):
            for column in range(6):
                above = 6 * apart + column - row
                if above < 0:
                    continue
                columns = 6 * np.arange(apart, frames) + column
                upper[_BAND - 1 - above, columns] = normal[apart, : frames - apart, row, column]
    return upper
