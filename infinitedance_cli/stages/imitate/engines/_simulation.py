"""One window of simulation: servos, planned contact forces and a measured amount of help at the root."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.imitate.engines._contact_plan import ContactPlan
from infinitedance_cli.stages.imitate.engines._scene import TURNING_INERTIA, Scene
from infinitedance_cli.stages.imitate.reference import ReferenceStates
from infinitedance_cli.stages.imitate.tracking import CONTACT_LABELS, LOST_M

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

_STATE = mujoco.mjtState.mjSTATE_INTEGRATION
_PLAN_EVERY = 2
_TORQUE_LIMIT = 300.0
_BALANCE_HZ = (8.0, 10.0)
_BALANCE_SHARE = 0.3
_DIVERGED = (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)


@dataclass(frozen=True)
class Help:
    """A critically damped spring at the root: natural frequencies `push` of its force and `turn` of its torque, rad/s;
    `fill` is the share of what the floor cannot give in the plan that is given from outside."""

    push: float
    turn: float
    fill: float = 1.0


@dataclass(frozen=True, eq=False)
class Window:
    """F simulated frames: `position` (F, Q), mean `wrench` (F, 6), `contact_force` (F, 3, 3), `power` (F,) and `away`
    (F, 22, 3), the joints' distance from the reference, metres. `lost_at`: the frame of the window at which the body
    fell, where it ends; None when it did not."""

    position: FloatArray
    wrench: FloatArray
    contact_force: FloatArray
    power: FloatArray
    away: FloatArray
    lost_at: int | None


class Simulation:
    """A body in MuJoCo that follows reference states, window by window."""

    def __init__(self, scene: Scene, substeps: int) -> None:
        self._scene, self._substeps = scene, substeps
        self._data = mujoco.MjData(scene.model)
        self._plan = ContactPlan(scene)
        self._error = np.zeros(scene.model.nv)
        self._joint_of_body = np.array(
            [scene.model.body(scene.model.joint(j).name).id for j in range(len(scene.order))]
        )
        self._mass = scene.weight / -scene.model.opt.gravity[1]

    def place(self, position: FloatArray, velocity: FloatArray) -> None:
        """Put the body into a state of the reference, raised out of the floor where it sinks in."""
        data = self._data
        mujoco.mj_resetData(self._scene.model, data)
        data.qpos[:], data.qvel[:] = position, velocity
        mujoco.mj_fwdPosition(self._scene.model, data)
        depths = [contact.dist for contact in data.contact if contact.geom[0] == self._scene.floor]
        data.qpos[1] -= min(min(depths, default=0.0), 0.0)

    def state(self) -> FloatArray:
        """All that the simulation remembers."""
        state = np.zeros(mujoco.mj_stateSize(self._scene.model, _STATE))
        mujoco.mj_getState(self._scene.model, self._data, state, _STATE)
        return state

    def restore(self, state: FloatArray) -> None:
        """Go back to what `state` returned."""
        mujoco.mj_resetData(self._scene.model, self._data)
        mujoco.mj_setState(self._scene.model, self._data, state, _STATE)

    @property
    def position(self) -> FloatArray:
        """The body's present position (Q,)."""
        return self._data.qpos.copy()

    def run(self, states: ReferenceStates, joints: FloatArray, help_: Help, correction: FloatArray) -> Window:
        """Follow K = F·substeps + 1 states from where the body is.

        `joints` (F + 1, 22, 3) are the reference's joint positions, to see whether the body is lost; `correction`
        (K, 6) a root wrench that the floor is asked for besides.
        """
        steps, count = len(states.position) - 1, self._substeps
        stiffness, damping = self._gains(help_)
        self._scene.model.dof_damping[:] = damping
        frames = steps // count
        position, wrench = np.zeros((frames, self._scene.model.nq)), np.zeros((frames, 6))
        forces, power = np.zeros((frames, len(CONTACT_LABELS), 3)), np.zeros(frames)
        away = np.zeros((frames, len(self._scene.order), 3))
        planned, lost = np.zeros(self._scene.model.nv), None
        for step in range(steps):
            if step % _PLAN_EVERY == 0:
                planned = self._planned(states, step, correction[step], help_.fill)
            torque = self._step(states, step, planned, stiffness, damping)
            frame = step // count
            wrench[frame] += torque[:6] / count
            power[frame] += np.abs(torque[6:] * self._data.qvel[6:]).sum() / count
            self._add_contact_forces(forces[frame], count)
            if step % count == count - 1:
                position[frame] = self._data.qpos
                away[frame] = self._data.xpos[self._joint_of_body] - joints[frame + 1, list(self._scene.order)]
                if self._is_lost(away[frame]):
                    lost = frame
                    break
        kept = frames if lost is None else lost
        return Window(position[:kept], wrench[:kept], forces[:kept], power[:kept], away[:kept], lost)

    def _gains(self, help_: Help) -> tuple[FloatArray, FloatArray]:
        stiffness, damping = self._scene.stiffness.copy(), self._scene.damping.copy()
        turning = TURNING_INERTIA * self._mass / 66.0
        for rows, inertia, rate in ((slice(0, 3), self._mass, help_.push), (slice(3, 6), turning, help_.turn)):
            stiffness[rows], damping[rows] = inertia * rate**2, 2 * inertia * rate
        return stiffness, damping

    def _planned(self, states: ReferenceStates, step: int, correction: FloatArray, fill: float) -> FloatArray:
        """Planned forces half a plan ahead, with part of what restores balance asked of the floor."""
        data, ahead = self._data, min(step + _PLAN_EVERY // 2, len(states.position) - 1)
        mujoco.mj_differentiatePos(self._scene.model, self._error, 1.0, data.qpos, states.position[step + 1])
        wanted = correction.copy()
        stiffness, damping = self._gains(Help(*_BALANCE_HZ))
        lag = states.velocity[step + 1, :6] - data.qvel[:6]
        wanted += _BALANCE_SHARE * (stiffness[:6] * self._error[:6] + damping[:6] * lag)
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
        applied[6:] = np.clip(applied[6:] - braking[6:], -_TORQUE_LIMIT, _TORQUE_LIMIT) + braking[6:]
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

    def _is_lost(self, away: FloatArray) -> bool:
        data = self._data
        if any(data.warning[kind].number for kind in _DIVERGED) or not np.isfinite(data.qpos).all():
            return True
        return bool(np.linalg.norm(away, axis=-1).mean() > LOST_M)
