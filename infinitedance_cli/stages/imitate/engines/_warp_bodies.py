"""Bodies with different bones in one model of MuJoCo Warp: every number of the body is a number of its world.

Worlds of a model share what is whole numbers (parts, joints, shapes, which of them may touch) and may each have their
own lengths, masses, sizes and stiffnesses. All bodies of `stages.imitate.body` share the former but for the pairs of
parts that overlap at rest, by which batches are grouped.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import mujoco
import mujoco_warp
import numpy as np

from infinitedance_cli.stages.imitate.engines._scene import Scene

_OF_BODIES = (
    *("qpos0", "body_pos", "body_quat", "body_ipos", "body_iquat", "body_mass", "body_subtreemass", "body_inertia"),
    *("body_invweight0", "jnt_pos", "dof_armature", "dof_damping", "dof_invweight0", "geom_size", "geom_rbound"),
    *("geom_aabb", "geom_pos", "geom_quat", "geom_solref"),
)


def sparse(scene: Scene) -> mujoco.MjModel:
    """MuJoCo's model of a scene as MuJoCo Warp wants it: it takes no dense Jacobian of so many degrees of freedom."""
    model = copy.copy(scene.model)
    model.opt.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE
    return model


def model_of(plain: mujoco.MjModel, worlds: int) -> mujoco_warp.Model:
    """A model of so many worlds, all with the body of `plain`."""
    model = mujoco_warp.put_model(plain, batch_sizes=dict.fromkeys(_OF_BODIES, worlds))
    model.opt.deterministic = int(mujoco_warp.DeterminismType.ALL)
    model.opt.warn_overflow = 0  # found and mended by who calls
    return model


def set_bodies(model: mujoco_warp.Model, scenes: Sequence[Scene]) -> None:
    """Give each world the body of its scene."""
    distinct = list(dict.fromkeys(scenes))
    index = np.array([distinct.index(scene) for scene in scenes])
    for name in _OF_BODIES:
        array = getattr(model, name)
        values = np.stack([np.asarray(getattr(scene.model, name), dtype=np.float32) for scene in distinct])[index]
        scalar = values.size == np.prod(array.shape)
        array.assign(values.reshape(array.shape if scalar else (*array.shape, -1)))
