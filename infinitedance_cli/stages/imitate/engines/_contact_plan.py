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


class ContactPlan:
    """Plans contact forces for states of the reference of one scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._data = mujoco.MjData(scene.model)
        self._jacobian = np.zeros((3, scene.model.nv))
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
        edges, prices = [], []
        for contact in data.contact:
            first, second = contact.geom
            if first != scene.floor:
                continue
            mujoco.mj_jac(model, data, self._jacobian, None, contact.pos, model.geom_bodyid[second])
            speed = self._jacobian @ velocity
            far = 3 * (max(contact.dist, 0.0) / FAR_M) ** 2
            edges.append(EDGES @ self._jacobian)
            prices += [PRICE * (1 + far + speed @ speed / FAST_M_S**2)] * len(EDGES)
        if not edges:
            return needed
        generators = np.concatenate(edges)
        system = np.vstack((generators[:, :6].T, np.diag(np.sqrt(prices))))
        loads, _ = nnls(system, np.concatenate((needed[:6] / scene.weight, np.zeros(len(prices)))))
        planned: FloatArray = needed - generators.T @ (loads * scene.weight)
        return planned
