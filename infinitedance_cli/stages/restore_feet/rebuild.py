"""From restored columns back to motion: the steps become a path, the six numbers rotations, and the feet stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.foot_restorer_features import LEG_JOINTS, PARTS
from infinitedance_cli.models.foot_restorer_sampling import RestoredColumns
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features.heading import turn
from infinitedance_cli.motion.footlock import FootLock, lock_feet
from infinitedance_cli.motion.trajectory_fit import PathFit
from infinitedance_cli.stages.restore_feet.config import PlantingConfig
from infinitedance_cli.stages.restore_feet.lift import lift_feet
from infinitedance_cli.stages.restore_feet.observe import Observation

FloatArray = NDArray[np.floating]

_STEP_OVER_HEIGHT = 4.0
"""How much more the steps up and down count than the heights themselves: heights wobble, steps tell the shaking."""
_LOWERING_FRAMES, _REACH = 2.0, 0.999
"""Where a locked foot is out of reach the body comes down to it: late and briefly, or the whole dance sinks."""
_REBUILT = LEG_JOINTS[:6]
"""Hips, knees and ankles. The feet's own rotation moves no joint, and is left as it is."""


def rebuild(
    clip: MotionClip, seen: Observation, restored: RestoredColumns, config: PlantingConfig, least_damage: float
) -> MotionClip:
    """The clip with its root's position and the rotations of hips, knees and ankles restored where it is damaged."""
    share = damage_share(restored.damaged, clip.fps, least_damage)
    if not share.any():
        return clip
    path = root_path(clip.root_position, seen, restored, config)
    root = (clip.root_position + share[:, None] * (path - clip.root_position)).astype(np.float32)
    joints, legs = clip.joint_rotation.copy(), list(_REBUILT)
    wanted = rotation.from_6d(restored.owned[:, PARTS["rotation"]].reshape(clip.frames, len(LEG_JOINTS), 6))
    smooth = smoothed(rotation.continuous(wanted[:, : len(legs)]), config.smooth)
    weight = np.repeat(share[:, None], len(legs), axis=1)
    joints[:, legs] = rotation.slerp(joints[:, legs], rotation.normalize(smooth).astype(np.float32), weight)
    mended = replace(clip, root_position=root, joint_rotation=joints)
    return _planted(clip, mended, restored.contact, share, seen.floor, config) if config.plant else mended


def damage_share(damaged: FloatArray, fps: float, least_damage: float) -> FloatArray:
    """How much of the correction each frame gets, (T,) in [0, 1], from the probability that it is damaged.

    Smoothed over a second, so that no frame is mended alone; 0 below `least_damage`, 1 from twice that on.
    """
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(damaged.astype(np.float64), 0.5 * fps, mode="nearest")
    if least_damage == 0:
        return np.ones_like(smooth)
    part = np.clip(smooth / least_damage - 1, 0, 1)
    share: FloatArray = part * part * (3 - 2 * part)
    return share


def root_path(
    root: FloatArray, seen: Observation, restored: RestoredColumns, config: PlantingConfig
) -> NDArray[np.float64]:
    """The root's path (T, 3) in metres of the clip: the restored steps, summed up, held back by where it was."""
    change = (restored.owned.astype(np.float64) - seen.owned) / seen.scale
    steps = np.diff(root.astype(np.float64), axis=0) + turn(change[:, PARTS["step"]], -seen.angles)[:-1]
    height = root[:, 1:2] + change[:, PARTS["root"]][:, 2:3]
    flat = PathFit(len(root), 2)
    flat.add(1, 1.0, steps[:, [0, 2]])
    flat.add(0, config.anchor, root[:, [0, 2]])
    upright = PathFit(len(root), 1)
    upright.add(1, _STEP_OVER_HEIGHT, steps[:, 1:2])
    upright.add(0, 1.0, height)
    for fit in (flat, upright):
        fit.add(3, config.smooth)
    x, z = flat.solve().T
    return np.stack((x, upright.solve()[:, 0], z), axis=-1)


def smoothed(values: FloatArray, smooth: float) -> FloatArray:
    """Values (T, ...) with `smooth` as the weight of their third differences against staying where they are."""
    rows = values.reshape(len(values), -1)
    fit = PathFit(len(rows), rows.shape[1])
    fit.add(0, 1.0, rows)
    fit.add(3, smooth)
    return fit.solve().reshape(values.shape)


def _planted(
    clip: MotionClip, mended: MotionClip, contact: FloatArray, share: FloatArray, floor: float, config: PlantingConfig
) -> MotionClip:
    """`mended` with its planted feet at rest by inverse kinematics, as far as each frame is mended at all."""
    lock = FootLock(
        probability=config.probability,
        ease=config.ease,
        moves_body=False,
        root_smoothing=_LOWERING_FRAMES,
        reach=_REACH,
    )
    level = np.array([0, floor, 0], dtype=np.float32)
    lowered = replace(mended, root_position=mended.root_position - level)
    locked = lock_feet(lowered, contact * share[:, None], lock)
    if config.lift:
        locked = lift_feet(locked, share, config.lift)
    weight = share[:, None].astype(np.float32)
    root = mended.root_position + weight * (locked.root_position + level - mended.root_position)
    joints, legs = mended.joint_rotation.copy(), list(_REBUILT)
    part = np.repeat(weight, len(legs), axis=1)
    joints[:, legs] = rotation.slerp(joints[:, legs], locked.joint_rotation[:, legs], part)
    untouched = share == 0
    joints[untouched], root[untouched] = clip.joint_rotation[untouched], clip.root_position[untouched]
    return replace(mended, root_position=root, joint_rotation=joints, contacts=locked.contacts)
