"""MuJoCo on the CPU: the default engine."""

from __future__ import annotations

from infinitedance_cli.stages.imitate.tracking import PhysicsEngine


def create() -> PhysicsEngine:
    """The engine; raises MissingResource when MuJoCo is not installed."""
    from importlib.util import find_spec

    from infinitedance_cli.plugins import missing_library

    if find_spec("mujoco") is None:
        raise missing_library("mujoco", "the physics engine 'mujoco'")
    from infinitedance_cli.stages.imitate.engines._mujoco_engine import MujocoEngine

    return MujocoEngine()
