"""Retargeting: motion of any human skeleton, a robot's included, on ours."""

from infinitedance_cli.motion.retarget.calibrate import Calibration
from infinitedance_cli.motion.retarget.retarget import RetargetOptions, calibrate_sources, retarget
from infinitedance_cli.motion.retarget.smpl import retarget_smpl, smpl_floor
from infinitedance_cli.motion.retarget.source import RoleJoint, SourceMotion, world_motion

__all__ = [
    "Calibration",
    "RetargetOptions",
    "RoleJoint",
    "SourceMotion",
    "calibrate_sources",
    "retarget",
    "retarget_smpl",
    "smpl_floor",
    "world_motion",
]
