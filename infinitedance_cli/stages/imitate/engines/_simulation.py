"""One rollout in MuJoCo: servos, planned contact forces and a measured amount of help at the root."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.imitate.engines._contact_plan import ContactPlan
from infinitedance_cli.stages.imitate.engines._rollout import (
    BALANCE_HZ,
    BALANCE_SHARE,
    PLAN_EVERY,
    TORQUE_LIMIT,
    Outcome,
    Rollout,
    State,
    Window,
    is_lost,
)
from infinitedance_cli.stages.imitate.engines._scene import Scene
from infinitedance_cli.stages.imitate.reference import ReferenceStates
from infinitedance_cli.stages.imitate.tracking import CONTACT_LABELS

FloatArray = NDArray[np.float64]

_DIVERGED = (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)


class Simulation:
    """A body in MuJoCo that follows reference states, rollout by rollout."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._data = mujoco.MjData(scene.model)
        self._plan = ContactPlan(scene)
        self._balance = scene.gains(*BALANCE_HZ)
        self._error = np.zeros(scene.model.nv)

    def run(self, rollout: Rollout) -> Outcome:
        """Simulate a rollout of this body."""
        scene, states = self._scene, rollout.states
        self._restore(rollout.start)
        steps, frames = len(states.position) - 1, len(rollout.joints) - 1
        count = steps // frames
        stiffness, damping = scene.gains(rollout.help_.push, rollout.help_.turn)
        scene.model.dof_damping[:] = damping
        position, wrench = np.zeros((frames, scene.model.nq)), np.zeros((frames, 6))
        forces, power = np.zeros((frames, len(CONTACT_LABELS), 3)), np.zeros(frames)
        away = np.zeros((frames, len(scene.order), 3))
        planned, lost = np.zeros(scene.model.nv), None
        for step in range(steps):
            if step % PLAN_EVERY == 0:
                planned = self._planned(states, step, rollout.correction[step], rollout.help_.fill)
            torque = self._step(states, step, planned, stiffness, damping)
            frame = step // count
            wrench[frame] += torque[:6] / count
            power[frame] += np.abs(torque[6:] * self._data.qvel[6:]).sum() / count
            if rollout.report:
                self._add_contact_forces(forces[frame], count)
            if step % count == count - 1:
                position[frame] = self._data.qpos
                away[frame] = self._data.xpos[scene.bodies] - rollout.joints[frame + 1, list(scene.order)]
                if self._has_diverged() or is_lost(away[frame]):
                    lost = frame
                    break
        kept = frames if lost is None else lost
        window = Window(position[:kept], wrench[:kept], forces[:kept], power[:kept], away[:kept], lost)
        return Outcome(window, self._state())

    def _state(self) -> State:
        data = self._data
        return State(data.qpos.copy(), data.qvel.copy(), data.qacc_warmstart.copy())

    def _restore(self, state: State) -> None:
        data = self._data
        mujoco.mj_resetData(self._scene.model, data)
        data.qpos[:], data.qvel[:], data.qacc_warmstart[:] = state.position, state.velocity, state.warmstart

    def _planned(self, states: ReferenceStates, step: int, correction: FloatArray, fill: float) -> FloatArray:
        """Planned forces half a plan ahead, with part of what restores balance asked of the floor."""
        data, ahead = self._data, min(step + PLAN_EVERY // 2, len(states.position) - 1)
        mujoco.mj_differentiatePos(self._scene.model, self._error, 1.0, data.qpos, states.position[step + 1])
        wanted = correction.copy()
        stiffness, damping = self._balance
        lag = states.velocity[step + 1, :6] - data.qvel[:6]
        wanted += BALANCE_SHARE * (stiffness[:6] * self._error[:6] + damping[:6] * lag)
        planned = self._plan.forces(states.position[ahead], states.velocity[ahead], states.acceleration[ahead], wanted)
        planned[:6] *= fill
        return planned

    def _step(
        self, states: ReferenceStates, step: int, planned: FloatArray, stiffness: FloatArray, damping: FloatArray
    ) -> FloatArray:
        """One step of simulation; returns the generalised forces (V,) that acted, without the floor's."""
        model, data = self._scene.model, self._data
        mujoco.mj_differentiatePos(model, self._error, 1.0, data.qpos, states.position[step + 1])
        applied = stiffness * self._error + damping * states.velocity[step + 1] + planned
        braking = damping * data.qvel
        applied[6:] = np.clip(applied[6:] - braking[6:], -TORQUE_LIMIT, TORQUE_LIMIT) + braking[6:]
        data.qfrc_applied[:] = applied
        mujoco.mj_step(model, data)
        # Damping is implicit: it acts at the velocity after the step.
        return applied - damping * data.qvel

    def _add_contact_forces(self, total: FloatArray, count: int) -> None:
        """Add this step's share of the floor's forces on feet and rest to `total` (3, 3)."""
        data, contacts = self._data, self._data.contact
        if not data.nefc or not data.ncon:
            return
        address, geoms = contacts.efc_address, contacts.geom
        felt = (address >= 0) & (geoms[:, 0] == self._scene.floor)
        if not felt.any():
            return
        rows = address[felt][:, None] + np.arange(3)
        world = np.einsum("cr,crk->ck", data.efc_force[rows], contacts.frame[felt].reshape(-1, 3, 3))
        np.add.at(total, self._scene.contact_column[geoms[felt, 1]], world / count)

    def _has_diverged(self) -> bool:
        return any(self._data.warning[kind].number for kind in _DIVERGED)
