"""`_contact_plan` for every world of a batch at once: which forces the floor has to give."""

from __future__ import annotations

import mujoco_warp
import warp as wp

from infinitedance_cli.stages.imitate.engines import _warp_plan_kernels as kernels
from infinitedance_cli.stages.imitate.engines._contact_plan import EDGES
from infinitedance_cli.stages.imitate.engines._warp_kernels import load_ahead


class WarpContactPlan:
    """Plans contact forces for the reference states of all worlds of a batch."""

    def __init__(self, model: mujoco_warp.Model, data: mujoco_warp.Data, floor: int) -> None:
        worlds, slots = data.nworld, kernels.SLOTS_PER_GEOM * model.ngeom
        self._model, self._data, self._floor = model, data, floor
        self.wanted = wp.zeros((worlds, 6), dtype=float)
        self.planned = wp.zeros((worlds, model.nv), dtype=float)
        self._acceleration = wp.zeros((worlds, model.nv), dtype=float)
        self._inertial = wp.zeros((worlds, model.nv), dtype=float)
        self._distance, self._prices = (wp.zeros((worlds, slots), dtype=float) for _ in range(2))
        self._place, self._force = (wp.zeros((worlds, slots), dtype=wp.vec3) for _ in range(2))
        self._used = wp.zeros((worlds, slots), dtype=int)
        self._generators = wp.zeros((worlds, slots, len(EDGES), 6), dtype=float)

    @property
    def data(self) -> mujoco_warp.Data:
        """The data in which the reference states stand."""
        return self._data

    def forces(
        self,
        clock: wp.array,
        last: wp.array,
        states: tuple[wp.array, wp.array, wp.array],
        weight: wp.array,
        fill: wp.array,
    ) -> None:
        """Plan for the reference states half a plan after `clock`, with `wanted`, into `planned`."""
        model, data = self._model, self._data
        wp.launch(
            load_ahead,
            dim=data.qpos.shape,
            inputs=[clock, last, *states],
            outputs=[data.qpos, data.qvel, self._acceleration],
        )
        mujoco_warp.fwd_kinematics(model, data)
        mujoco_warp.crb(model, data)
        mujoco_warp.collision(model, data)
        mujoco_warp.com_vel(model, data)
        mujoco_warp.rne(model, data)
        mujoco_warp.mul_m(model, data, self._inertial, self._acceleration)
        self._used.zero_()
        contact = data.contact
        found = [data.nacon, contact.worldid, contact.geom, contact.geomcollisionid, contact.dist, contact.pos]
        wp.launch(
            kernels.find_contacts,
            dim=data.naconmax,
            inputs=[self._floor, *found],
            outputs=[self._distance, self._place, self._used],
        )
        jacobian = [model.geom_bodyid, model.body_isdofancestor, model.body_rootid, data.subtree_com, data.cdof]
        wp.launch(
            kernels.price_contacts,
            dim=self._used.shape,
            inputs=[*jacobian, data.qvel, self._used, self._distance, self._place],
            outputs=[self._generators, self._prices],
        )
        needed = [self._inertial, data.qfrc_bias, self.wanted]
        wp.launch(
            kernels.share_loads,
            dim=data.nworld,
            inputs=[weight, *needed, self._generators, self._prices, self._used],
            outputs=[self._force],
        )
        wp.launch(
            kernels.hand_out,
            dim=self.planned.shape,
            inputs=[fill, *jacobian, *needed, self._used, self._place, self._force],
            outputs=[self.planned],
        )
