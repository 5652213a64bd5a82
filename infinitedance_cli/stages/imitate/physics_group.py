"""The group `/physics` of a clip: what its motion cost a body."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import Dataset, Group
from infinitedance_cli.stages.imitate.body import SimulatedBody
from infinitedance_cli.stages.imitate.tracking import CONTACT_LABELS, Tracking

PHYSICS = "physics"


def physics_group(body: SimulatedBody, engine: str, tracking: Tracking, quality: str, fps: float) -> Group:
    """Arrays with one row a frame, and their sums as attributes.

    `root_force` (T, 3) newtons and `root_torque` (T, 3) newton metres that helped at the pelvis; `contact_force`
    (T, 3, 3) newtons from the floor on left foot, right foot, rest; `power` (T,) watts; `fall_frames` (N,).
    `root_wrench_bw` is the mean size of the force over the body's weight, `root_torque_bwm` that of the torque over
    weight × 1 m. `failed` says that the body fell, `fell_at_s` where first (−1: nowhere).
    """
    force = np.linalg.norm(tracking.root_force, axis=1) / body.weight_n
    torque = np.linalg.norm(tracking.root_torque, axis=1) / body.weight_n
    falls = np.asarray(tracking.falls, dtype=np.int32)
    members = {
        "root_force": _floats(tracking.root_force, "N", frame="world"),
        "root_torque": _floats(tracking.root_torque, "N m", frame="pelvis"),
        "contact_force": _floats(tracking.contact_force, "N", frame="world", labels=" ".join(CONTACT_LABELS)),
        "power": _floats(tracking.power, "W"),
    }
    if len(falls):
        members["fall_frames"] = Dataset(falls, {})
    attributes: dict[str, str | int | float | bool] = {
        "engine": engine,
        "quality": quality,
        "timestep_s": float(tracking.timestep_s),
        "body_mass_kg": float(body.mass_kg),
        "body_height_m": float(body.height_m),
        "root_wrench_bw": float(force.mean()),
        "root_wrench_max_bw": float(force.max()),
        "root_torque_bwm": float(torque.mean()),
        "energy_j": float(tracking.power.sum() / fps),
        "failed": bool(len(falls)),
        "falls": len(falls),
        "fell_at_s": float(falls[0] / fps) if len(falls) else -1.0,
    }
    return Group(members, attributes)


def _floats(values: NDArray[np.floating[Any]], units: str, **attributes: str) -> Dataset:
    return Dataset(values.astype(np.float32), {"units": units, **attributes})
