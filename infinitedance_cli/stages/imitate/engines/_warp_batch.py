"""W worlds of MuJoCo Warp that are stepped together, each with a body, a reference and help of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco_warp
import numpy as np
import warp as wp
from numpy.typing import NDArray

from infinitedance_cli.stages.imitate.engines import _warp_kernels as kernels
from infinitedance_cli.stages.imitate.engines._rollout import (
    BALANCE_HZ,
    PLAN_EVERY,
    Outcome,
    Rollout,
    State,
    Window,
    is_lost,
)
from infinitedance_cli.stages.imitate.engines._scene import Scene
from infinitedance_cli.stages.imitate.engines._warp_bodies import model_of, set_bodies, sparse
from infinitedance_cli.stages.imitate.engines._warp_plan import WarpContactPlan
from infinitedance_cli.stages.imitate.tracking import CONTACT_LABELS

FloatArray = NDArray[np.float64]

_ROWS_PER_CONTACT = 3


class Overflow(RuntimeError):
    """There were more contacts than room for them."""


@dataclass(frozen=True)
class _Tracks:
    """What the worlds follow and what they leave behind: arrays for up to `steps` steps."""

    steps: int
    states: tuple[wp.array, wp.array, wp.array]
    correction: wp.array
    poses: wp.array
    joints: wp.array
    wrench: wp.array
    power: wp.array
    felt: wp.array


class Batch:
    """`worlds` worlds for bodies like that of `scene`, `substeps` steps a frame, with room for `contacts` each."""

    def __init__(self, scene: Scene, worlds: int, substeps: int, contacts: int) -> None:
        self._worlds, self._substeps = worlds, substeps
        plain = sparse(scene)
        self._model = model_of(plain, worlds)
        self._scenes: tuple[Scene, ...] = ()
        room = {"nworld": worlds, "nconmax": contacts, "njmax": _ROWS_PER_CONTACT * contacts}
        self._rows = room["njmax"]
        self._data = mujoco_warp.make_data(plain, **room)
        self._plan = WarpContactPlan(self._model, mujoco_warp.make_data(plain, **room), scene.floor)
        freedoms, positions = scene.model.nv, scene.model.nq
        self._floor = scene.floor
        self._joint_position = wp.array(scene.model.jnt_qposadr, dtype=int)
        self._joint_freedom = wp.array(scene.model.jnt_dofadr, dtype=int)
        self._body_of_joint = wp.array(scene.bodies, dtype=int)
        self._column_of_geom = wp.array(scene.contact_column, dtype=int)
        self._clock, self._last = wp.zeros(1, dtype=int), wp.zeros(worlds, dtype=int)
        self._peak = wp.zeros(5, dtype=int)
        self._stiffness, self._damping = (wp.zeros((worlds, freedoms), dtype=float) for _ in range(2))
        self._balance = tuple(wp.zeros((worlds, freedoms), dtype=float) for _ in range(2))
        self._weight, self._fill = wp.zeros(worlds, dtype=float), wp.zeros(worlds, dtype=float)
        self._end = (
            wp.zeros((worlds, positions), dtype=float),
            wp.zeros((worlds, freedoms), dtype=float),
            wp.zeros((worlds, freedoms), dtype=float),
        )
        self._tracks: _Tracks | None = None
        self._graphs: dict[int, wp.Graph] = {}

    def run(self, rollouts: Sequence[Rollout]) -> list[Outcome]:
        """Simulate up to `worlds` rollouts. Raises Overflow when there was no room for a contact."""
        given = [rollouts[min(world, len(rollouts) - 1)] for world in range(self._worlds)]
        steps = max(len(rollout.states.position) for rollout in rollouts) - 1
        tracks = self._load(given, steps)
        done = 0
        while done < steps:
            count = min(PLAN_EVERY, steps - done)
            self._advance(count, tracks)
            done += count
        self._check_room()
        return self._outcomes(rollouts, tracks)

    def _load(self, rollouts: Sequence[Rollout], steps: int) -> _Tracks:
        scenes = tuple(rollout.scene for rollout in rollouts)
        if scenes != self._scenes:
            set_bodies(self._model, scenes)
            self._balance[0].assign(_stack([scene.gains(*BALANCE_HZ)[0] for scene in scenes]))
            self._balance[1].assign(_stack([scene.gains(*BALANCE_HZ)[1] for scene in scenes]))
            self._weight.assign(_stack([scene.weight for scene in scenes]))
            self._scenes = scenes
        gains = [rollout.scene.gains(rollout.help_.push, rollout.help_.turn) for rollout in rollouts]
        self._stiffness.assign(_stack([stiffness for stiffness, _ in gains]))
        self._damping.assign(_stack([damping for _, damping in gains]))
        self._model.dof_damping.assign(self._damping)
        self._fill.assign(_stack([rollout.help_.fill for rollout in rollouts]))
        self._last.assign(np.array([len(rollout.states.position) - 1 for rollout in rollouts], np.int32))
        self._data.qpos.assign(_stack([rollout.start.position for rollout in rollouts]))
        self._data.qvel.assign(_stack([rollout.start.velocity for rollout in rollouts]))
        self._data.qacc_warmstart.assign(_stack([rollout.start.warmstart for rollout in rollouts]))
        for array in (self._clock, self._peak, self._data.time):
            array.zero_()
        if self._tracks is None or self._tracks.steps < steps:
            self._tracks = self._new_tracks(steps)
            self._graphs.clear()
        tracks = self._tracks
        for array, name in zip(tracks.states, ("position", "velocity", "acceleration"), strict=True):
            array.assign(_padded([getattr(rollout.states, name) for rollout in rollouts], tracks.steps + 1))
        tracks.correction.assign(_padded([rollout.correction for rollout in rollouts], tracks.steps + 1))
        for array in (tracks.wrench, tracks.power, tracks.felt):
            array.zero_()
        return tracks

    def _new_tracks(self, steps: int) -> _Tracks:
        worlds, frames = self._worlds, -(-steps // self._substeps)
        positions, freedoms = self._model.nq, self._model.nv
        return _Tracks(
            steps,
            (
                wp.zeros((worlds, steps + 1, positions), dtype=float),
                wp.zeros((worlds, steps + 1, freedoms), dtype=float),
                wp.zeros((worlds, steps + 1, freedoms), dtype=float),
            ),
            wp.zeros((worlds, steps + 1, 6), dtype=float),
            wp.zeros((worlds, frames, positions), dtype=float),
            wp.zeros((worlds, frames, len(self._body_of_joint)), dtype=wp.vec3),
            wp.zeros((worlds, frames, 6), dtype=float),
            wp.zeros((worlds, frames), dtype=float),
            wp.zeros((worlds, frames, len(CONTACT_LABELS), 3), dtype=float),
        )

    def _advance(self, count: int, tracks: _Tracks) -> None:
        """Plan and do `count` steps; on a GPU as a graph, recorded once, without a word from the host."""
        if not self._clock.device.is_cuda:
            self._steps(count, tracks)
            return
        if count not in self._graphs:
            self._steps(0, tracks)  # compiles all kernels, which a recording must not
            with wp.ScopedCapture() as capture:
                self._steps(count, tracks)
            self._graphs[count] = capture.graph
        wp.capture_launch(self._graphs[count])

    def _steps(self, count: int, tracks: _Tracks) -> None:
        wp.launch(
            kernels.want_balance,
            dim=self._worlds,
            inputs=[
                *(self._clock, self._last, *tracks.states[:2], tracks.correction, *self._balance),
                *(self._data.qpos, self._data.qvel),
            ],
            outputs=[self._plan.wanted],
        )
        self._plan.forces(self._clock, self._last, tracks.states, self._weight, self._fill)
        for _ in range(count):
            self._step(tracks)

    def _step(self, tracks: _Tracks) -> None:
        data, common = self._data, [self._clock, self._last]
        wp.launch(
            kernels.drive_joints,
            dim=(self._worlds, len(self._joint_freedom)),
            inputs=[
                *(*common, self._joint_position, self._joint_freedom, *tracks.states[:2], self._plan.planned),
                *(self._stiffness, self._damping, data.qpos, data.qvel),
            ],
            outputs=[data.qfrc_applied],
        )
        mujoco_warp.step(self._model, data)
        wp.launch(
            kernels.account,
            dim=self._worlds,
            inputs=[*common, self._substeps, data.qfrc_applied, self._damping, data.qvel],
            outputs=[tracks.wrench, tracks.power],
        )
        contact = data.contact
        found = [data.nacon, contact.worldid, contact.geom, contact.frame, contact.efc_address]
        wp.launch(
            kernels.feel_floor,
            dim=data.naconmax,
            inputs=[*common, self._substeps, self._floor, self._column_of_geom, *found, data.efc.force],
            outputs=[tracks.felt],
        )
        wp.launch(
            kernels.record,
            dim=data.qpos.shape,
            inputs=[*common, self._substeps, self._body_of_joint, data.qpos, data.qvel, data.qacc_warmstart, data.xpos],
            outputs=[tracks.poses, tracks.joints, *self._end],
        )
        planner = self._plan.data
        counts = (data.nacon, planner.nacon, data.ncollision, planner.ncollision, data.nefc)
        for row, values in enumerate(counts):
            wp.launch(kernels.remember_most, dim=len(values), inputs=[row, values], outputs=[self._peak])
        wp.launch(kernels.tick, dim=1, outputs=[self._clock])

    def _check_room(self) -> None:
        *contacts, rows = (int(value) for value in self._peak.numpy())
        if max(contacts) > self._data.naconmax or rows > self._rows:
            raise Overflow(f"{max(contacts)} contacts in {self._worlds} worlds and {rows} rows in one: no room")

    def _outcomes(self, rollouts: Sequence[Rollout], tracks: _Tracks) -> list[Outcome]:
        fields = (tracks.poses, tracks.wrench, tracks.felt, tracks.power, tracks.joints, *self._end)
        poses, wrench, felt, power, joints, *end = (array.numpy().astype(np.float64) for array in fields)
        outcomes = []
        for world, rollout in enumerate(rollouts):
            frames = len(rollout.joints) - 1
            away = joints[world, :frames] - rollout.joints[1:, list(rollout.scene.order)]
            lost = np.flatnonzero(is_lost(away))
            kept = int(lost[0]) if len(lost) else frames
            part = np.s_[world, :kept]
            lost_at = int(lost[0]) if len(lost) else None
            window = Window(poses[part], wrench[part], felt[part], power[part], away[:kept], lost_at)
            outcomes.append(Outcome(window, State(*(array[world] for array in end))))
        return outcomes


def _stack(values: Sequence[FloatArray | float]) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)


def _padded(values: Sequence[FloatArray], rows: int) -> NDArray[np.float32]:
    """Arrays (K, C) of several lengths as one (W, rows, C), the last row going on."""
    result = np.empty((len(values), rows, values[0].shape[1]), np.float32)
    for array, row in zip(values, result, strict=True):
        row[: len(array)] = array
        row[len(array) :] = array[-1]
    return result
