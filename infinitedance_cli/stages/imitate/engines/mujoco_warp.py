"""MuJoCo Warp: the engine `mujoco` for many clips and many tries at once, made for a GPU."""

from __future__ import annotations

from infinitedance_cli.stages.imitate.tracking import PhysicsEngine


def create() -> PhysicsEngine:
    """The engine; raises MissingResource when MuJoCo Warp is not installed."""
    from importlib.util import find_spec

    from infinitedance_cli.plugins import missing_library

    for library in ("mujoco", "warp", "mujoco_warp"):
        if find_spec(library) is None:
            raise missing_library(library, "the physics engine 'mujoco-warp'")
    import warp

    warp.config.log_level = warp.LOG_ERROR  # it would write to stdout, where the clips go
    from infinitedance_cli.stages.imitate.engines._warp_engine import MujocoWarpEngine

    return MujocoWarpEngine()
