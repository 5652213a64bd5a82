"""Which forces the floor has to give so that a state of the reference keeps its balance: planned before they are felt.

The body in its reference state needs a generalised force τ = M(q) a + c(q, v). The joints give what they like, the root
gives nothing: its six rows must come from the floor, τ_root = Σ J_root^T f with every f in its friction cone. Among all
f that come closest, the smallest is taken, on parts that are low and slow. What is left is the wrench that the motion
needs from outside; what the joints have to hold is τ_joint − Σ J_joint^T f.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from infinitedance_cli.stages.imitate.engines._mjcf import FRICTION
from infinitedance_cli.stages.imitate.engines._scene import Scene

FloatArray = NDArray[np.float64]

PRICE = 1e-3
FAR_M, FAST_M_S = 0.01, 0.3
# Edges of a friction pyramid around the floor's normal, y.
EDGES = np.array([[FRICTION, 1, 0], [-FRICTION, 1, 0], [0, 1, FRICTION], [0, 1, -FRICTION]], dtype=np.float64)
_EDGE_MOMENTS = np.stack([np.cross(axis, EDGES) for axis in np.eye(3)]).reshape(3, -1)
"""Moments of the edges about a unit distance along x, y, z (3, 4 · 3)."""


class ContactPlan:
    """Plans contact forces for states of the reference of one scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._data = mujoco.MjData(scene.model)
        self._inertial = np.zeros(scene.model.nv)

    def forces(
        self, position: FloatArray, velocity: FloatArray, acceleration: FloatArray, wanted: FloatArray
    ) -> FloatArray:
        """Generalised forces (V,) of a state (Q,), (V,), (V,): rows from 6 on for the joints to give.

        `wanted` (6,) is a root wrench that the floor is to give besides. The first six rows are what the floor cannot
        give: force in the world, torque in the root's frame.
        """
        model, data, scene = self._scene.model, self._data, self._scene
        data.qpos[:], data.qvel[:] = position, velocity
        mujoco.mj_fwdPosition(model, data)
        mujoco.mj_fwdVelocity(model, data)
        mujoco.mj_mulM(model, data, self._inertial, acceleration)
        needed = self._inertial + data.qfrc_bias
        needed[:6] += wanted
        contacts = data.contact
        low = np.flatnonzero(contacts.geom[:, 0] == scene.floor) if data.ncon else np.zeros(0, dtype=np.intp)
        if not len(low):
            return needed
        owners, points = model.geom_bodyid[contacts.geom[low, 1]], contacts.pos[low]
        count, turn = len(low), data.xmat[1].reshape(3, 3)
        moments = ((points - data.xpos[1]) @ _EDGE_MOMENTS).reshape(-1, 3) @ turn
        prices = np.repeat(self._prices(points, contacts.dist[low], owners), len(EDGES))
        system = np.zeros((6 + len(prices), len(prices)))
        system[:3], system[3:6] = np.tile(EDGES.T, count), moments.T
        system[range(6, len(system)), range(len(prices))] = np.sqrt(prices)
        loads, _ = nnls(system, np.concatenate((needed[:6] / scene.weight, np.zeros(len(prices)))))
        forces = scene.weight * loads.reshape(count, -1) @ EDGES
        given = np.zeros(model.nv)
        for owner in set(owners.tolist()):
            mine = owners == owner
            moment = _cross(points[mine] - data.xpos[owner], forces[mine]).sum(axis=0)
            mujoco.mj_applyFT(model, data, forces[mine].sum(axis=0), moment, data.xpos[owner], owner, given)
        planned: FloatArray = needed - given
        return planned

    def _prices(self, points: FloatArray, distances: FloatArray, owners: NDArray[np.intp]) -> FloatArray:
        """What a load of one body weight costs at each point (N, 3): it grows with height over the floor and speed."""
        motion = self._data.cvel[owners]
        arms = points - self._data.subtree_com[1]
        speed = motion[:, 3:] + _cross(motion[:, :3], arms)
        far = 3 * (np.maximum(distances, 0.0) / FAR_M) ** 2
        prices: FloatArray = PRICE * (1 + far + (speed**2).sum(axis=1) / FAST_M_S**2)
        return prices


def _cross(left: FloatArray, right: FloatArray) -> FloatArray:
    """Cross products (N, 3); many times faster than numpy's on few rows."""
    result: FloatArray = left[:, [1, 2, 0]] * right[:, [2, 0, 1]] - left[:, [2, 0, 1]] * right[:, [1, 2, 0]]
    return result
