"""Take white shaking out of root and legs: as much smoothing as there is shaking, and none where there is none.

Shaking is told from movement by high differences of the path: those of white noise grow with the order, those of a
body shrink. Around each frame the amount of both is estimated, and what is most probable between them is the path:
a Wiener filter that looks both ways and follows the movement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, Skeleton
from infinitedance_cli.motion.trajectory_fit import PathFit

FloatArray = NDArray[np.floating]

LEGS = (1, 2, 4, 5, 7, 8)
"""Hips, knees and ankles."""
_UPPER = (3, 6, 9, *range(12, BODY_JOINT_COUNT))
"""Trunk, head and arms."""
_CARRIED = 0.5
"""Midway between pelvis and upper body a body moves most smoothly: third differences of 2.2 mm, not the pelvis' 2.9."""
_NOISE_ORDER, _FITTED_ORDER = 4, 3
_SURELY = 0.2
"""How far above `least_white` there is no doubt any more."""
_LEAST_FRAMES = 12
_STEADY = 1e-13


@dataclass(frozen=True)
class ShakingRule:
    """What counts as shaking: more than `root` metres and `turn` radians (rms, each axis), where the noise that fourth
    differences tell of is more than `least_white` of that of third differences (1 for white noise, less for movement).

    Noise is measured over `seconds`, movement over those first and then over `moment` seconds, of which the mean is
    taken with the share `local` for the moment, `rounds` times. Movement is at least the share `least_movement` of what
    is seen: less shaking is left in a body that hardly moves, the smaller it is.
    """

    root: float = 0.0004
    turn: float = 0.002
    least_white: float = 0.6
    seconds: float = 1.0
    moment: float = 0.3
    local: float = 0.7
    rounds: int = 2
    least_movement: float = 0.1


def without_shaking(
    skeleton: Skeleton,
    root_position: NDArray[np.float32],
    joint_rotation: NDArray[np.float32],
    fps: float = 30.0,
    rule: ShakingRule | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Root positions (T, 3) and local rotations (T, J ≥ 22, 4) in SMPL-X order without shaking.

    Only the root's position and the rotations of hips, knees and ankles change; an array in which nothing shakes is
    returned itself. So are both of fewer than 12 frames.
    """
    rule = ShakingRule() if rule is None else rule
    if len(root_position) < _LEAST_FRAMES:
        return root_position, joint_rotation
    root, turns = root_position.astype(np.float64), joint_rotation
    carried = _CARRIED * _upper_body(skeleton, joint_rotation)
    steady_root = steadied(root, rule.root, fps, rule, carried)
    for joint in LEGS:
        path = rotation.continuous(joint_rotation[:, joint]).astype(np.float64)
        # A turn by a small angle moves the four numbers by half of it, spread over three of them.
        steady = steadied(path, 0.5 * rule.turn * math.sqrt(3 / 4), fps, rule)
        if steady is not path:
            turns = turns.copy() if turns is joint_rotation else turns
            same_side = np.sum(steady * joint_rotation[:, joint], axis=-1, keepdims=True) >= 0
            turns[:, joint] = rotation.normalize(np.where(same_side, steady, -steady))
    return (root_position if steady_root is root else steady_root.astype(np.float32)), turns


def steadied(
    path: FloatArray, allowed: float, fps: float, rule: ShakingRule, carried: FloatArray | None = None
) -> FloatArray:
    """`path` (T, C) without noise beyond the `allowed` rms; the same array where there is none beyond it.

    With `carried` (T, C) it is the sum of both that moves smoothly.
    """
    offset = np.zeros_like(path) if carried is None else carried
    noise = noise_level(path, _NOISE_ORDER, rule.seconds * fps)
    third = noise_level(path + offset, _FITTED_ORDER, rule.seconds * fps) ** 2
    white = np.clip((noise / np.sqrt(third + _STEADY) - rule.least_white) / _SURELY, 0, 1)
    excess = white * np.maximum(noise**2 - allowed**2, 0.0)
    if not excess.any():
        return path
    # What is left of the third differences when the noise is taken off is how much the movement itself changes.
    mean = movement = np.maximum(third - excess, rule.least_movement * third + _STEADY)
    share = math.comb(2 * _FITTED_ORDER, _FITTED_ORDER)
    for _ in range(rule.rounds):
        fit = PathFit(len(path), path.shape[1])
        fit.add(0, 1.0, path)
        fit.add(_FITTED_ORDER, (excess / movement / share)[1:-2], -np.diff(offset, n=_FITTED_ORDER, axis=0))
        result = fit.solve()
        local = noise_level(result + offset, _FITTED_ORDER, rule.moment * fps) ** 2
        movement = rule.local * local + (1 - rule.local) * mean + _STEADY
    return result


def noise_level(path: FloatArray, order: int, width: float) -> FloatArray:
    """Rms (T,) of the white noise whose differences of `order` are as large as those of `path` (T, C) within `width`
    frames.
    """
    from scipy.ndimage import gaussian_filter1d

    difference = np.diff(path, n=order, axis=0)
    square = (difference**2).mean(axis=1) / math.comb(2 * order, order)
    square = np.pad(square, (order // 2, order - order // 2), mode="edge")
    level: FloatArray = np.sqrt(gaussian_filter1d(square, width / 2, mode="nearest"))
    return level


def _upper_body(skeleton: Skeleton, joint_rotation: NDArray[np.float32]) -> FloatArray:
    """Mean position (T, 3) of trunk, head and arms relative to the pelvis."""
    still = np.zeros((len(joint_rotation), 3), dtype=np.float32)
    body = skeleton.first(BODY_JOINT_COUNT)
    positions = forward_kinematics(body, still, joint_rotation[:, :BODY_JOINT_COUNT])[0]
    mean: FloatArray = positions[:, list(_UPPER)].mean(axis=1).astype(np.float64)
    return mean
