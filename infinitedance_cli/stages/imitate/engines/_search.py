"""Look ahead: what to ask of the floor, and where the path yields, so that the body needs little help.

Ensemble Gauss–Newton in a receding horizon. The unknowns θ are, at knots in time, a root wrench that the floor is asked
for and a shift of the path. N random changes δθ_i are simulated over the horizon; with r the weighted residuals (help,
distance of the joints, size of θ) and D = [r_1 − r_0 … r_N − r_0] the step is θ + Σ a_i δθ_i with
a = −(DᵀD + λ tr(DᵀD)/N)⁻¹ Dᵀ r_0. The best of several λ, simulated, is kept, or θ when none is better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from infinitedance_cli.stages.imitate.engines._rollout import Asking, Help, Outcome, Rollout, State, Window
from infinitedance_cli.stages.imitate.engines._scene import Scene
from infinitedance_cli.stages.imitate.reference import ReferenceStates

FloatArray = NDArray[np.float64]

_HISTORY = 3
_TOO_FAR_M = 0.2
"""A way that ends further than this from the reference, as a mean over the joints, is given up for more help."""
_WRENCH, _SHIFT = slice(0, 6), slice(6, 9)


@dataclass(frozen=True)
class SearchConfig:
    """`horizon_s` is looked ahead, `advance_s` of it kept; knots are `knot_s` apart. `samples` changes of size
    `wrench` (body weights, and times 1 m) and `shift_m` in each of `iterations`, each round `anneal` times smaller.
    Weights of the residuals: `help` per body weight, `distance` per metre, `effort` per change of one size."""

    horizon_s: float = 0.6
    advance_s: float = 0.2
    knot_s: float = 0.1
    samples: int = 20
    iterations: int = 2
    wrench: float = 0.08
    shift_m: float = 0.02
    anneal: float = 0.5
    help: float = 30.0
    distance: float = 6.0
    effort: float = 0.1
    damping: tuple[float, ...] = (1e-3, 1e-1)


@dataclass(frozen=True, eq=False)
class Trial:
    """One rollout: what was asked for, what came of it, and the residuals."""

    knots: FloatArray
    window: Window
    residual: FloatArray

    @property
    def cost(self) -> float:
        """Sum of squares; infinite when the body was lost."""
        return float(self.residual @ self.residual) if self.window.lost_at is None else np.inf


class Search:
    """Searches window after window of one clip."""

    def __init__(self, scene: Scene, config: SearchConfig, seed: int = 0) -> None:
        self._scene, self._weight, self._config = scene, scene.weight, config
        self._random = np.random.default_rng(seed)
        self._size = np.array([config.wrench * scene.weight] * 6 + [config.shift_m] * 3)
        self._past = np.zeros((_HISTORY, 9))
        self._ahead = np.zeros((0, 9))

    def window(
        self, start: State, states: ReferenceStates, joints: FloatArray, kept_frames: int, substeps: int, help_: Help
    ) -> Asking[Outcome | None]:
        """The first `kept_frames` of the best way found from `start` through `states`; None when none holds.

        `help_` is the spring that helps, and that the residuals make do without as far as they can.
        """
        best = yield from self._best(start, states, joints, help_)
        if best.window.lost_at is not None or _distance(best.window) > _TOO_FAR_M:
            self._past[:], self._ahead = 0.0, np.zeros((0, 9))
            return None
        wrench, shift = self._course(best.knots, len(states.position), states.dt)
        count = kept_frames * substeps + 1
        moved = _shifted(states, shift)
        part = ReferenceStates(moved.position[:count], moved.velocity[:count], moved.acceleration[:count], states.dt)
        kept = Rollout(self._scene, start, part, joints[: kept_frames + 1], help_, wrench[:count])
        (outcome,) = yield [kept]
        passed = max(1, round(kept_frames * substeps * states.dt / self._config.knot_s))
        known = np.concatenate((self._past, best.knots))
        self._past, self._ahead = known[passed : passed + _HISTORY], known[passed + _HISTORY :]
        return outcome

    def _best(self, start: State, states: ReferenceStates, joints: FloatArray, help_: Help) -> Asking[Trial]:
        config = self._config
        count = max(1, round((len(states.position) - 1) * states.dt / config.knot_s))
        knots = np.zeros((count, 9))
        known = min(count, len(self._ahead))
        knots[:known] = self._ahead[:known]
        knots[known:] = knots[known - 1] if known else 0.0
        (best,) = yield from self._try(start, states, joints, [knots], help_)
        for iteration in range(config.iterations):
            changes = self._random.normal(size=(config.samples, count, 9)) * self._size * config.anneal**iteration
            trials = yield from self._try(start, states, joints, list(best.knots + changes), help_)
            proposals = yield from self._try(start, states, joints, list(self._steps(best, trials)), help_)
            best = min([best, *trials, *proposals], key=lambda trial: trial.cost)
        return best

    def _steps(self, best: Trial, trials: list[Trial]) -> Iterator[FloatArray]:
        held = [trial for trial in trials if trial.window.lost_at is None]
        if best.window.lost_at is not None or len(held) < 2:
            return
        change = np.stack([trial.residual - best.residual for trial in held], axis=1)
        square = change.T @ change
        for damping in self._config.damping:
            ridge = damping * np.trace(square) / len(held) * np.eye(len(held))
            share = -np.linalg.solve(square + ridge, change.T @ best.residual)
            yield best.knots + np.tensordot(share, [trial.knots - best.knots for trial in held], axes=1)

    def _try(
        self, start: State, states: ReferenceStates, joints: FloatArray, candidates: list[FloatArray], help_: Help
    ) -> Asking[list[Trial]]:
        if not candidates:
            return []
        rollouts = []
        for knots in candidates:
            wrench, shift = self._course(knots, len(states.position), states.dt)
            moved = _shifted(states, shift)
            rollouts.append(Rollout(self._scene, start, moved, joints, help_, wrench, report=False))
        outcomes = yield rollouts
        return [self._trial(knots, outcome.window) for knots, outcome in zip(candidates, outcomes, strict=True)]

    def _trial(self, knots: FloatArray, window: Window) -> Trial:
        if window.lost_at is not None:
            return Trial(knots, window, np.zeros(0))
        effort = self._config.effort * (knots / self._size).ravel()
        help_ = self._config.help * window.wrench / self._weight
        distance = self._config.distance * window.away
        frames = np.sqrt(len(window.wrench))
        residual = np.concatenate((help_.ravel() / frames, distance.ravel() / frames, effort))
        return Trial(knots, window, residual)

    def _course(self, knots: FloatArray, steps: int, dt: float) -> tuple[FloatArray, FloatArray]:
        """Wrench (K, 6) and shift (K, 3) at every step; the shift goes on smoothly from what was kept before."""
        known = np.concatenate((self._past, knots))
        at = (np.arange(len(known)) - _HISTORY + 1) * self._config.knot_s
        times = np.arange(steps) * dt
        wrench = np.stack([np.interp(times, at, column) for column in known[:, _WRENCH].T], axis=1)
        spline = CubicSpline(at, known[:, _SHIFT], bc_type="clamped")
        return wrench, spline(np.minimum(times, at[-1]))


def _distance(window: Window) -> float:
    return float(np.linalg.norm(window.away[-1], axis=-1).mean())


def _shifted(states: ReferenceStates, shift: FloatArray) -> ReferenceStates:
    """The states with the root moved by `shift` (K, 3) metres."""
    position, velocity, acceleration = states.position.copy(), states.velocity.copy(), states.acceleration.copy()
    speed = np.gradient(shift, states.dt, axis=0)
    position[:, :3] += shift
    velocity[:, :3] += speed
    acceleration[:, :3] += np.gradient(speed, states.dt, axis=0)
    return ReferenceStates(position, velocity, acceleration, states.dt)
