"""From restored columns back to motion: the steps become a path, the six numbers rotations, and the feet stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.foot_restorer_features import LEG_JOINTS, PARTS
from infinitedance_cli.models.foot_restorer_sampling import RestoredColumns
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS, foot_rest_heights
from infinitedance_cli.motion.features.heading import turn
from infinitedance_cli.motion.footlock import FootLock, lock_feet
from infinitedance_cli.motion.trajectory_fit import PathFit
from infinitedance_cli.stages.restore_feet.config import PlantingConfig, RestoreFeetConfig
from infinitedance_cli.stages.restore_feet.lift import lift_feet
from infinitedance_cli.stages.restore_feet.observe import Observation

FloatArray = NDArray[np.floating]

_STEP_OVER_HEIGHT = 4.0
"""How much more the steps up and down count than the heights themselves: heights wobble, steps tell the shaking."""
_REACH = 2.0
"""No leg is that long: where a locked foot is out of reach it falls short. Bringing the body down to it cost 4 mm of
every joint on clean motion.
"""
_CLEARANCE_M = 0.003
"""Metres that a mended foot in the air may be below its standing height."""
_SUNK_M = 0.004
"""Feet that are deeper in the floor than this on the mean of a second have sunk; from twice that on, surely."""
_SIMULATED = "imitate"
_REBUILT = LEG_JOINTS[:6]
"""Hips, knees and ankles. The feet's own rotation moves no joint, and is left as it is."""


@dataclass(frozen=True)
class Shares:
    """How much of each correction each frame gets, (T,) in [0, 1]: of what slides, of a wrong height, of either."""

    skating: FloatArray
    height: FloatArray

    @property
    def either(self) -> FloatArray:
        """The greater of both."""
        return np.maximum(self.skating, self.height)


def rebuild(clip: MotionClip, seen: Observation, restored: RestoredColumns, config: RestoreFeetConfig) -> MotionClip:
    """The clip with its root's position and the rotations of hips, knees and ankles restored where it is damaged.

    A body that only floats or sinks is raised or lowered; where it slides, its path over the floor and its legs are
    mended too. In either case its feet are planted.
    """
    shares, planting = found_damage(clip, seen, restored, config), config.planting
    if not shares.either.any():
        return clip
    path = root_path(clip.root_position, seen, restored, planting)
    weight = np.stack((shares.skating, shares.either, shares.skating), axis=-1)
    root = (clip.root_position + weight * (path - clip.root_position)).astype(np.float32)
    joints, legs = clip.joint_rotation.copy(), list(_REBUILT)
    wanted = rotation.from_6d(restored.owned[:, PARTS["rotation"]].reshape(clip.frames, len(LEG_JOINTS), 6))
    smooth = smoothed(rotation.continuous(wanted[:, : len(legs)]), planting.smooth)
    part = np.repeat(shares.skating[:, None], len(legs), axis=1)
    joints[:, legs] = rotation.slerp(joints[:, legs], rotation.normalize(smooth).astype(np.float32), part)
    mended = replace(clip, root_position=root, joint_rotation=joints)
    return _planted(clip, mended, restored.contact, shares.either, seen.floor, planting) if planting.plant else mended


def found_damage(clip: MotionClip, seen: Observation, restored: RestoredColumns, config: RestoreFeetConfig) -> Shares:
    """How much of each correction each frame of the clip gets."""
    made_by = clip.provenance[-1]["stage"] if clip.provenance else ""
    if config.mend == "all" or (config.mend == "auto" and made_by == _SIMULATED):
        return Shares(np.ones(clip.frames), np.ones(clip.frames))
    slides, off = restored.damaged.astype(np.float64).T
    height = damage_share(off, clip.fps, config.least_height)
    skating = damage_share(slides, clip.fps, config.least_skating)
    return Shares(skating, np.maximum(height, sunk_share(clip, seen.floor)))


def damage_share(damaged: FloatArray, fps: float, least: float) -> FloatArray:
    """How much of the correction each frame gets, (T,) in [0, 1], from the probability that it is damaged.

    Smoothed over a second, so that no frame is mended alone; 0 below `least`, 1 half-way from there to certainty.
    """
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(damaged.astype(np.float64), 0.5 * fps, mode="nearest")
    part = np.clip(2 * (smooth - least) / (1 - least), 0, 1)
    share: FloatArray = part * part * (3 - 2 * part)
    return share


def sunk_share(clip: MotionClip, floor: float) -> FloatArray:
    """How surely each frame is sunk, (T,) in [0, 1]: no foot of a clean clip stays below the floor for a second."""
    from scipy.ndimage import gaussian_filter1d

    height = clip.joint_positions()[:, FOOT_JOINTS, 1] - floor - foot_rest_heights(clip.skeleton.rest_positions())
    depth = gaussian_filter1d(np.maximum(-height.min(axis=1), 0).astype(np.float64), 0.5 * clip.fps, mode="nearest")
    share: FloatArray = np.clip(depth / _SUNK_M - 1, 0, 1)
    return share


def root_path(
    root: FloatArray, seen: Observation, restored: RestoredColumns, config: PlantingConfig
) -> NDArray[np.float64]:
    """The root's path (T, 3) in metres of the clip: the restored steps, summed up, held back by where it was.

    A step counts the more, the less the network doubts it.
    """
    change = (restored.owned.astype(np.float64) - seen.owned) / seen.scale
    steps = np.diff(root.astype(np.float64), axis=0) + turn(change[:, PARTS["step"]], -seen.angles)[:-1]
    height = root[:, 1:2] + change[:, PARTS["root"]][:, 2:3]
    trust = restored.doubt.astype(np.float64)[:-1] ** -2 if config.doubts else np.ones(len(steps))
    flat = PathFit(len(root), 2)
    flat.add(1, trust / trust.mean(), steps[:, [0, 2]])
    flat.add(0, config.anchor, root[:, [0, 2]])
    upright = PathFit(len(root), 1)
    upright.add(1, _STEP_OVER_HEIGHT, steps[:, 1:2])
    upright.add(0, 1.0, height)
    for fit in (flat, upright):
        fit.add(3, config.smooth)
    x, z = flat.solve().T
    return np.stack((x, upright.solve()[:, 0], z), axis=-1)


def stillness(feet: FloatArray, still: float) -> FloatArray:
    """1 for feet (T, F, 3) that move less than `still` metres a frame over the floor, 0 from twice that on, (T, F).

    A foot that goes faster slides or steps on purpose; held fast it would be far from where it was.
    """
    step = np.linalg.norm(np.diff(feet[..., [0, 2]].astype(np.float64), axis=0), axis=-1)
    around = 0.5 * (np.concatenate((step[:1], step)) + np.concatenate((step, step[-1:])))
    result: FloatArray = np.clip(2 - around / still, 0, 1)
    return result


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
        reach=_REACH,
        clearance=_CLEARANCE_M,
    )
    level = np.array([0, floor, 0], dtype=np.float32)
    lowered = replace(mended, root_position=mended.root_position - level)
    feet = lowered.joint_positions()[:, FOOT_JOINTS]
    rests = contact * share[:, None] * stillness(feet, config.still)
    locked = lock_feet(lowered, rests, lock)
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
