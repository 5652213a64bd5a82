"""Two-bone inverse kinematics of a leg: put the ankle and the toe where they are wanted, keep the knee's plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.rotation import normalize

FloatArray = NDArray[np.floating]

_STRAIGHT_BEND = 0.03
"""Knees closer than this to the hip–ankle line, metres, bend towards the front of the thigh instead."""


@dataclass(frozen=True)
class LegChain:
    """Joint indices of one leg."""

    hip: int
    knee: int
    ankle: int
    toe: int


LEFT_LEG, RIGHT_LEG = LegChain(1, 4, 7, 10), LegChain(2, 5, 8, 11)


def solve_leg(
    positions: FloatArray, world: FloatArray, leg: LegChain, ankle: FloatArray, foot: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """World rotations (T, 4) of hip, knee and ankle that bring the ankle to `ankle` and point the foot along `foot`.

    `positions` (T, J, 3) and `world` rotations (T, J, 4) before; `ankle` (T, 3) wanted position, `foot` (T, 3) wanted
    direction ankle → toe. An ankle out of reach is approached along the straight leg. The knee stays in the plane it
    bends in; it never bends backwards.
    """
    hip, knee, old = positions[:, leg.hip], positions[:, leg.knee], positions[:, leg.ankle]
    thigh, shin = np.linalg.norm(knee - hip, axis=-1), np.linalg.norm(old - knee, axis=-1)
    swing = rotation.between(old - hip, ankle - hip)
    hinge = rotation.rotate(swing, _knee_hinge(hip, knee, old, world[:, leg.hip]))
    reach_old = np.linalg.norm(old - hip, axis=-1)
    reach = np.clip(np.linalg.norm(ankle - hip, axis=-1), np.abs(thigh - shin) + 1e-4, thigh + shin - 1e-6)
    opening = _hip_angle(thigh, shin, reach) - _hip_angle(thigh, shin, reach_old)
    hip_world = _turn(rotation.multiply(swing, world[:, leg.hip]), hinge, opening)
    thigh_bone = rotation.rotate(rotation.multiply(hip_world, rotation.inverse(world[:, leg.hip])), knee - hip)
    shin_start = rotation.rotate(swing, old - knee)
    wanted = hip + normalize(ankle - hip) * reach[:, None] - (hip + thigh_bone)
    knee_world = rotation.multiply(rotation.between(shin_start, wanted), rotation.multiply(swing, world[:, leg.knee]))
    turn = rotation.between(positions[:, leg.toe] - old, foot)
    return hip_world, knee_world, rotation.multiply(turn, world[:, leg.ankle])


def _knee_hinge(hip: FloatArray, knee: FloatArray, ankle: FloatArray, hip_world: FloatArray) -> FloatArray:
    """Unit axes (T, 3) about which the knees bend: axis × (where the knee points), steady for straight legs."""
    axis = normalize(ankle - hip)
    bend = (knee - hip) - np.sum((knee - hip) * axis, axis=-1, keepdims=True) * axis
    front = rotation.rotate(hip_world, np.array([0.0, 0.0, 1.0]))
    size = np.linalg.norm(bend, axis=-1, keepdims=True)
    pole = bend + _STRAIGHT_BEND * np.exp(-((size / _STRAIGHT_BEND) ** 2)) * front
    return normalize(np.cross(axis, pole))


def _hip_angle(thigh: FloatArray, shin: FloatArray, reach: FloatArray) -> FloatArray:
    """Angle (T,) at the hip between the thigh and the line to the ankle (law of cosines)."""
    cosine = (thigh**2 + reach**2 - shin**2) / np.maximum(2 * thigh * reach, 1e-9)
    return np.arccos(np.clip(cosine, -1, 1))


def _turn(quaternions: FloatArray, axis: FloatArray, angle: FloatArray) -> FloatArray:
    """`quaternions` (T, 4) turned further by `angle` (T,) about the world `axis` (T, 3)."""
    return rotation.multiply(rotation.from_axis_angle(axis * angle[:, None]), quaternions)
