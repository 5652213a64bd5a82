"""How a clip is imitated, in whatever simulates it: window by window, with as much help as it takes and no more.

A window that loses the body, or ends far from the reference, is done again from its start with more help; the body has
fallen only when that does not hold it either. With `physical` quality each window is searched for a way that needs
little help.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.stages.imitate.body import SimulatedBody
from infinitedance_cli.stages.imitate.engines._rollout import Asking, Help, Outcome, Rollout, State, Window
from infinitedance_cli.stages.imitate.engines._scene import Scene, build_scene
from infinitedance_cli.stages.imitate.engines._search import Search, SearchConfig
from infinitedance_cli.stages.imitate.reference import ReferenceStates, reference_states
from infinitedance_cli.stages.imitate.tracking import Quality, Tracking

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

_STEPS_PER_SECOND = 150.0
_ASTRAY_M, _LAST_FRAMES = 0.08, 10
"""A window that ends so far from the reference, as a median over its last frames, is done again with more help."""
_NEARER = 0.7
"""Share of the distance that is left when more help was worth its while."""


@dataclass(frozen=True)
class Plan:
    """How one quality works: the `helps` to try in order over `window_s`, after a `search` with each of `searched`."""

    helps: tuple[Help, ...]
    window_s: float
    search: SearchConfig | None = None
    searched: tuple[Help, ...] = ()


PLANS: dict[Quality, Plan] = {
    "fast": Plan((Help(8, 10), Help(12, 16), Help(20, 26)), window_s=1.0),
    "physical": Plan(
        (Help(8, 10), Help(12, 16), Help(20, 26)),
        window_s=SearchConfig.advance_s,
        search=SearchConfig(),
        searched=(Help(1, 2, 0.0), Help(4, 6, 0.0)),
    ),
}


def imitation(body: SimulatedBody, reference: MotionClip, quality: Quality) -> Asking[Tracking]:
    """The imitation of a reference as a run that asks for what it wants simulated."""
    substeps = max(1, round(_STEPS_PER_SECOND / reference.fps))
    timestep = 1.0 / (reference.fps * substeps)
    mujoco.set_mju_user_warning(logger.debug)
    return _Run(build_scene(body, timestep), reference, substeps, PLANS[quality]).tracking(timestep)


class _Run:
    """One clip being imitated."""

    def __init__(self, scene: Scene, reference: MotionClip, substeps: int, plan: Plan) -> None:
        self._scene, self._reference, self._substeps, self._plan = scene, reference, substeps, plan
        self._falls: list[int] = []
        self._search: Search | None = None
        if plan.search is not None:
            self._search = Search(scene, plan.search)
        self._state = self._placed(0)

    def tracking(self, timestep: float) -> Asking[Tracking]:
        """Imitate all of it."""
        first = self._state.position
        windows = yield from self._windows()
        position = np.concatenate([first[None].astype(np.float32), *(window.position for window in windows)])
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

    def _joints(self, first: int, last: int) -> FloatArray:
        """The reference's joint positions (F, 22, 3) from a frame to another, both included."""
        window = slice(first, last + 1)
        reference = self._reference
        places, _ = forward_kinematics(
            reference.skeleton, reference.root_position[window], reference.joint_rotation[window]
        )
        return places.astype(np.float64)

    def _windows(self) -> Asking[list[Window]]:
        length, last = max(2, round(self._plan.window_s * self._reference.fps)), self._reference.frames - 1
        windows: list[Window] = []
        begin = 0
        while begin < last:
            end = min(begin + length, last)
            window, self._state = yield from self._held(begin, end)
            if window.lost_at is not None:
                begin = self._fall(begin + window.lost_at + 1)
                windows += [_kept(window), self._fallen()]
            else:
                begin = end
                windows.append(_kept(window))
        return windows

    def _held(self, begin: int, end: int) -> Asking[tuple[Window, State]]:
        """The window with the least help that holds the body, the most when none does, and the state at its end."""
        found = yield from self._searched(begin, end)
        if found is not None and found.window.lost_at is None:
            return found.window, found.state
        states, joints = self._states(begin, end), self._joints(begin, end)
        unasked = np.zeros((len(states.position), 6))
        for help_ in self._plan.helps:
            (outcome,) = yield [Rollout(self._scene, self._state, states, joints, help_, unasked)]
            if (
                found is None
                or found.window.lost_at is not None
                or _distance(outcome.window) < _NEARER * _distance(found.window)
            ):
                found = outcome
            if _distance(found.window) <= _ASTRAY_M:
                break
            logger.debug("frames %d to %d: lost or astray with help %s", begin, end, help_)
        assert found is not None
        return found.window, found.state

    def _searched(self, begin: int, end: int) -> Asking[Outcome | None]:
        """The window by searching; None where this quality does not search, or finds nothing that holds the body."""
        if self._search is None or self._plan.search is None:
            return None
        ahead = round(self._plan.search.horizon_s * self._reference.fps)
        last = min(begin + ahead, self._reference.frames - 1)
        states, joints = self._states(begin, last), self._joints(begin, last)
        for help_ in self._plan.searched:
            found = yield from self._search.window(self._state, states, joints, end - begin, self._substeps, help_)
            if found is not None:
                return found
        return None

    def _placed(self, frame: int) -> State:
        """The state of the reference at a frame."""
        first = min(frame, self._reference.frames - 2)
        states = self._states(first, first + 1)
        index = (frame - first) * self._substeps
        return placed(self._scene, states.position[index], states.velocity[index])

    def _fall(self, frame: int) -> int:
        """Note a fall at a frame and put the body back on the reference there."""
        self._falls.append(frame)
        self._state = self._placed(frame)
        return frame

    def _fallen(self) -> Window:
        """One frame in which the body was put back."""
        return Window(
            self._state.position[None],
            np.zeros((1, 6)),
            np.zeros((1, 3, 3)),
            np.zeros(1),
            np.zeros((1, len(self._scene.order), 3)),
            None,
        )


def _distance(window: Window) -> float:
    """How far from the reference the body ends a window, metres; infinitely far when it is lost.

    A body that is far leans on a foot that landed in the wrong place, or drags it, and may go on so to the clip's end.
    """
    if window.lost_at is not None:
        return np.inf
    return float(np.median(np.linalg.norm(window.away[-_LAST_FRAMES:], axis=-1).mean(axis=-1)))


def placed(scene: Scene, position: FloatArray, velocity: FloatArray) -> State:
    """The body in a state of the reference, raised out of the floor where it sinks in."""
    data = mujoco.MjData(scene.model)
    data.qpos[:] = position
    mujoco.mj_fwdPosition(scene.model, data)
    depths = [contact.dist for contact in data.contact if contact.geom[0] == scene.floor]
    raised = position.copy()
    raised[1] -= min(min(depths, default=0.0), 0.0)
    return State(raised, velocity.copy(), np.zeros(scene.model.nv))


def _kept(window: Window) -> Window:
    """What is told of a window, in as little memory as that takes: clips may be long."""
    return replace(window, position=window.position.astype(np.float32), away=window.away[:0])


def _after_first(parts: list[FloatArray]) -> FloatArray:
    """Values of all frames but the first, joined; the first, to which no step leads, takes those of the second."""
    joined = np.concatenate(parts)
    return np.concatenate((joined[:1], joined))
