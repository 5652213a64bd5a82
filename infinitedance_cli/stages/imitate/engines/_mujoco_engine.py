"""How a clip is imitated in MuJoCo: window by window, with as much help as it takes and no more.

A window that loses the body is done again from its start with more help; the body has fallen only when that does not
hold it either. With `physical` quality a window is repeated: what help the root needed in one pass is asked of the
floor in the next (iterative learning control), and where the floor cannot give it, the path yields.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.body import SimulatedBody
from infinitedance_cli.stages.imitate.engines._scene import Scene, build_scene
from infinitedance_cli.stages.imitate.engines._simulation import Help, Simulation, Window
from infinitedance_cli.stages.imitate.reference import ReferenceStates, reference_states
from infinitedance_cli.stages.imitate.tracking import Quality, Tracking

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

_STEPS_PER_SECOND = 150.0


@dataclass(frozen=True)
class Plan:
    """How one quality works: the `helps` to try in order, the `window_s` of one try, and how many `passes` learn."""

    helps: tuple[Help, ...]
    window_s: float
    passes: int = 1


PLANS: dict[Quality, Plan] = {
    "fast": Plan((Help(8, 10), Help(12, 16), Help(20, 26)), window_s=1.0),
    "physical": Plan((Help(4, 6, 0.0), Help(8, 10), Help(12, 16), Help(20, 26)), window_s=3.0, passes=8),
}

# Of one pass to the next: gain and smoothing of the wrench asked of the floor, and of the path that yields.
_LEARN, _LEARN_SMOOTHING_S, _LEAD_S = 0.5, 0.04, 0.013
_YIELD, _YIELD_SMOOTHING_S = 0.2, 0.1
_FORGET = 0.98


class MujocoEngine:
    """The engine `mujoco`; see `infinitedance_cli.stages.imitate.tracking.PhysicsEngine`."""

    name = "mujoco"

    def track(self, body: SimulatedBody, reference: MotionClip, quality: Quality) -> Tracking:
        """Imitate a reference; see `PhysicsEngine.track`."""
        substeps = max(1, round(_STEPS_PER_SECOND / reference.fps))
        timestep = 1.0 / (reference.fps * substeps)
        mujoco.set_mju_user_warning(logger.debug)
        run = _Run(build_scene(body, timestep), reference, substeps, PLANS[quality])
        return run.tracking(timestep)


class _Run:
    """One clip being imitated."""

    def __init__(self, scene: Scene, reference: MotionClip, substeps: int, plan: Plan) -> None:
        self._scene, self._reference, self._substeps, self._plan = scene, reference, substeps, plan
        self._simulation = Simulation(scene, substeps)
        self._joints = reference.joint_positions().astype(np.float64)
        self._falls: list[int] = []

    def tracking(self, timestep: float) -> Tracking:
        """Imitate all of it."""
        start = self._states(0, 1)
        self._simulation.place(start.position[0], start.velocity[0])
        first = self._simulation.position
        windows = list(self._windows())
        position = np.concatenate([first[None], *(window.position for window in windows)])
        wrench = _after_first([window.wrench for window in windows])
        order = np.argsort(self._scene.order)
        turns = position[:, 3:].reshape(len(position), -1, 4)[:, order]
        return Tracking(
            position[:, :3],
            turns / np.linalg.norm(turns, axis=-1, keepdims=True),
            wrench[:, :3],
            wrench[:, 3:],
            _after_first([window.contact_force for window in windows]),
            _after_first([window.power for window in windows]),
            tuple(self._falls),
            timestep,
        )

    def _states(self, first: int, last: int) -> ReferenceStates:
        return reference_states(self._reference, self._scene.order, self._substeps, first, last)

    def _windows(self) -> list[Window]:
        length, last = max(2, round(self._plan.window_s * self._reference.fps)), self._reference.frames - 1
        windows, begin = [], 0
        while begin < last:
            end = min(begin + length, last)
            window = self._held(begin, end)
            if window.lost_at is not None:
                begin = self._fall(begin + window.lost_at + 1)
                windows += [window, self._fallen(begin)]
            else:
                begin = end
                windows.append(window)
        return windows

    def _held(self, begin: int, end: int) -> Window:
        """The window with the least help that holds the body; with the most help when none does."""
        states, before = self._states(begin, end), self._simulation.state()
        joints = self._joints[begin : end + 1]
        for number, help_ in enumerate(self._plan.helps):
            if number:
                self._simulation.restore(before)
            passes = self._plan.passes if number == 0 else 1
            window = self._learned(states, joints, help_, passes)
            if window.lost_at is None:
                return window
            logger.debug("frames %d to %d: lost with help %s", begin, end, help_)
        return window

    def _learned(self, states: ReferenceStates, joints: FloatArray, help_: Help, passes: int) -> Window:
        """The pass over a window that needed the least help; the simulation is left where that pass ended."""
        before = self._simulation.state()
        correction, shift = np.zeros((len(states.position), 6)), np.zeros((len(states.position), 3))
        best: tuple[float, Window, FloatArray] | None = None
        for number in range(passes):
            if number:
                self._simulation.restore(before)
            window = self._simulation.run(_shifted(states, shift), joints, help_, correction)
            cost = window.mean_wrench if window.lost_at is None else np.inf
            if best is None or cost < best[0]:
                best = cost, window, self._simulation.state()
            if number + 1 < passes:
                correction = _FORGET * correction + _LEARN * _eased(window.help_trace, _LEARN_SMOOTHING_S, states.dt)
                shift = _FORGET * shift + _YIELD * _eased(window.drift, _YIELD_SMOOTHING_S, states.dt)
        assert best is not None
        if passes > 1:
            self._simulation.restore(best[2])
        return best[1]

    def _fall(self, frame: int) -> int:
        """Note a fall at a frame and put the body back on the reference there."""
        self._falls.append(frame)
        first = min(frame, self._reference.frames - 2)
        states = self._states(first, first + 1)
        index = (frame - first) * self._substeps
        self._simulation.place(states.position[index], states.velocity[index])
        return frame

    def _fallen(self, frame: int) -> Window:
        """One frame in which the body was put back."""
        return Window(
            self._simulation.position[None],
            np.zeros((1, 6)),
            np.zeros((1, 3, 3)),
            np.zeros(1),
            np.zeros((1, 6)),
            np.zeros((1, 3)),
            None,
        )


def _after_first(parts: list[FloatArray]) -> FloatArray:
    """Values of all frames but the first, joined; the first, to which no step leads, takes those of the second."""
    joined = np.concatenate(parts)
    return np.concatenate((joined[:1], joined))


def _eased(trace: FloatArray, smoothing_s: float, dt: float) -> FloatArray:
    """A trace of K-1 steps as K smooth values, each a little ahead of its effect."""
    from scipy.ndimage import gaussian_filter1d

    ahead = np.roll(np.concatenate((trace, trace[-1:])), -round(_LEAD_S / dt), axis=0)
    eased: FloatArray = gaussian_filter1d(ahead, smoothing_s / dt, axis=0, mode="nearest")
    return eased


def _shifted(states: ReferenceStates, shift: FloatArray) -> ReferenceStates:
    """The states with the root moved by `shift` (K, 3) metres."""
    if not shift.any():
        return states
    position, velocity, acceleration = states.position.copy(), states.velocity.copy(), states.acceleration.copy()
    speed = np.gradient(shift, states.dt, axis=0)
    position[:, :3] += shift
    velocity[:, :3] += speed
    acceleration[:, :3] += np.gradient(speed, states.dt, axis=0)
    return replace(states, position=position, velocity=velocity, acceleration=acceleration)
