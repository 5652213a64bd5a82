"""Retargeting: motion of any human skeleton, a robot's included, on ours."""

from infinitedance_cli.motion.retarget.bodies import on_default_body
from infinitedance_cli.motion.retarget.calibrate import Calibration
from infinitedance_cli.motion.retarget.retarget import RetargetOptions, calibrate_sources, floor_of, retarget
from infinitedance_cli.motion.retarget.smpl import smpl_source
from infinitedance_cli.motion.retarget.source import RoleJoint, SourceMotion, world_motion

__all__ = [
    "Calibration",
    "RetargetOptions",
    "RoleJoint",
    "SourceMotion",
    "calibrate_sources",
    "floor_of",
    "on_default_body",
    "retarget",
    "smpl_source",
    "world_motion",
]
