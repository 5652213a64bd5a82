"""Raise feet that pass low over the floor without standing: a step in place of a slide.

A foot that is neither at rest nor clear of the floor is what foot sliding measures. Holding it where it is would drag
the body along; a few centimetres of height say that it steps.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS, PAPER, foot_rest_heights
from infinitedance_cli.motion.footlock import ANKLES, TOES, write_leg
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.leg_ik import LEFT_LEG, RIGHT_LEG
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.motion.trajectory_fit import PathFit

FloatArray = NDArray[np.floating]

RESTING_STEP_M = 0.009
"""A foot moves when ankle or toe goes further than this over the floor within a frame at 30 fps."""
_MARGIN_M = 0.004
_ROUNDS = 4
_STAYS = 1.0
_SMOOTH = 0.7


def lift_feet(clip: MotionClip, share: FloatArray, most: float) -> MotionClip:
    """The clip with moving feet raised clear of the floor y = 0, by `most` metres at most and `share` (T,) of that."""
    body = clip.skeleton.first(BODY_JOINT_COUNT)
    local = clip.joint_rotation[:, :BODY_JOINT_COUNT].astype(np.float64)
    positions, world = forward_kinematics(body, clip.root_position.astype(np.float64), local)
    rest = foot_rest_heights(clip.skeleton.rest_positions())
    feet, joints = positions[:, FOOT_JOINTS], clip.joint_rotation.copy()
    for leg, ankle, toe in zip((LEFT_LEG, RIGHT_LEG), ANKLES, TOES, strict=True):
        rise = foot_rise(feet[:, [ankle, toe]], rest[[ankle, toe]], most) * share
        if rise.max() > 1e-4:
            up = np.stack((np.zeros_like(rise), rise, np.zeros_like(rise)), axis=-1)
            write_leg(joints, local, positions, world, leg, feet[:, ankle] + up, feet[:, toe] - feet[:, ankle])
    joints[share == 0] = clip.joint_rotation[share == 0]
    return replace(clip, joint_rotation=joints)


def foot_rise(foot: FloatArray, rest: FloatArray, most: float) -> FloatArray:
    """By how much (T,) a foot, ankle and toe (T, 2, 3) with heights `rest` (2,) where it stands, is raised, smoothly.

    Where it moves it leaves the heights of the paper's contact; where it rests it stays.
    """
    assert PAPER.ankle_height is not None and PAPER.toe_height is not None
    limits = np.array([PAPER.ankle_height, PAPER.toe_height]) + rest[1] + _MARGIN_M
    below = (limits - foot[:, :, 1]).min(axis=1)
    step = np.linalg.norm(np.diff(foot, axis=0)[..., [0, 2]], axis=-1).max(axis=1)
    moves = np.concatenate((step, step[-1:])) > RESTING_STEP_M
    wanted = np.where(moves, np.clip(below, 0, most), 0.0)
    if not wanted.any():
        return wanted
    aim = wanted.copy()
    rests = (~moves & (below > 0)).astype(np.float64)
    for _ in range(_ROUNDS):
        fit = PathFit(len(foot), 1)
        fit.add(0, (wanted > 0) + _STAYS * rests + 0.01, aim[:, None])
        fit.add(2, _SMOOTH**4)
        rise = np.clip(fit.solve()[:, 0], 0, most)
        # What smoothing takes away from short lifts is asked for in addition.
        aim = aim + np.where(wanted > 0, np.maximum(wanted - rise, 0), 0)
    return rise
