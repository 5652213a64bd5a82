"""Two accounts of one dancer joined at the wrists: the body of one, the hands and the face of the other.

Each account has its own idea of where the camera is, of the trunk and of the arms. What is carried over is how the hand
lies against the forearm and the trunk: the hands' account is turned so that its chest is the body's chest, then so that
its forearm points along the body's forearm, and the hand goes along. So bend and turn of the hand are those that were
seen, whatever the elbow does about its own axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics, sample_rotations
from infinitedance_cli.motion.retarget.filters import despike_rotations, low_pass_rotations
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, Skeleton

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]

SIDES = ("left", "right")

_CHEST = SMPLX_JOINT_NAMES.index("spine3")
_FAR, _NEAR = np.radians(75), np.radians(40)
"""Between these angles of the two forearms, seen from the chest, trust in the hand falls from one to none."""
_GREATEST_SWING = np.radians(110)
"""No hand bends further against its forearm."""
_GREATEST_TWIST = np.radians(50)
"""What the wrist turns about the forearm by itself; the forearm does the rest."""
_WRIST_HZ = 8.0


@dataclass(frozen=True, eq=False)
class Wrist:
    """A hand on the body's arm: local rotations `hand` (T, 4) of the wrist; `trust` (T,) 0–1 by how the two accounts
    agree; `axis` (3,) along the forearm at rest."""

    hand: FloatArray
    trust: FloatArray
    axis: FloatArray


def elbow_and_wrist(side: str) -> tuple[int, int]:
    """Indices of the two joints."""
    return SMPLX_JOINT_NAMES.index(f"{side}_elbow"), SMPLX_JOINT_NAMES.index(f"{side}_wrist")


def carry_over(side: str, body: MotionClip, turns: FloatArray, skeleton: Skeleton) -> Wrist:
    """The hand of `turns` (T, 55, 4), local rotations of the hands' account on `skeleton`, on the body's arm."""
    elbow, wrist = elbow_and_wrist(side)
    ours = forward_kinematics(body.skeleton, body.root_position, body.joint_rotation.astype(np.float64))[1]
    theirs = forward_kinematics(skeleton, body.root_position, turns)[1]
    align = rotation.multiply(ours[:, _CHEST], rotation.inverse(theirs[:, _CHEST]))
    axis = rotation.normalize(body.skeleton.offsets[wrist].astype(np.float64))
    seen = rotation.rotate(rotation.multiply(align, theirs[:, elbow]), axis)
    wanted = rotation.rotate(ours[:, elbow], axis)
    swing = rotation.between(seen, wanted)
    hand = rotation.multiply(swing, rotation.multiply(align, theirs[:, wrist]))
    local = rotation.multiply(rotation.inverse(ours[:, elbow]), hand)
    apart = np.arccos(np.clip(np.sum(seen * wanted, axis=-1), -1.0, 1.0))
    bend = np.arccos(np.clip(np.sum(rotation.rotate(local, axis) * axis, axis=-1), -1.0, 1.0))
    trust = np.clip((_FAR - apart) / (_FAR - _NEAR), 0.0, 1.0) * (bend < _GREATEST_SWING)
    return Wrist(local, trust, axis)


def share_twist(hand: FloatArray, axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(forearm, wrist) rotations (T, 4) whose product is `hand`: beyond what a wrist turns, the forearm turns.

    The forearm's turn is about the bone itself, so the wrist stays where it is. The angle is followed through time, so
    that it never jumps by a full turn.
    """
    twist = rotation.twist_about(rotation.continuous(hand), axis)
    angle = np.unwrap(2 * np.arctan2(twist[:, 1:] @ axis, twist[:, 0]))
    angle = angle - 2 * np.pi * np.round(np.median(angle) / (2 * np.pi))
    rest = angle - np.clip(angle, -_GREATEST_TWIST, _GREATEST_TWIST)
    forearm = rotation.from_axis_angle(rest[:, None] * axis)
    return forearm, rotation.multiply(rotation.inverse(forearm), hand)


def filled(values: FloatArray, known: BoolArray) -> FloatArray:
    """Rotations (T, ..., 4) in which those that are not `known` (T,) lie between the nearest known ones."""
    frames = np.flatnonzero(known)
    return sample_rotations(values[frames], np.interp(np.arange(len(values)), frames, np.arange(len(frames))))


def calmed(hand: FloatArray) -> FloatArray:
    """Wrist rotations (T, 4) without single bad frames and noise."""
    return low_pass_rotations(despike_rotations(rotation.continuous(hand)[:, None]), _WRIST_HZ, 30.0)[:, 0]


def steady(trust: FloatArray, least: float, shortest: int, gap: int, ramp: int) -> tuple[BoolArray, FloatArray]:
    """When a hand is taken: (T,) known, and (T,) weight 0–1 that comes and goes over `ramp` frames.

    Known is where `trust` reaches `least`, for `shortest` frames or more; gaps of up to `gap` frames between are
    bridged by the weight.
    """
    known = trust >= least
    for start, stop in _runs(known):
        if stop - start < shortest:
            known[start:stop] = False
    on = known.copy()
    for start, stop in _runs(~known):
        if 0 < start and stop < len(known) and stop - start <= gap:
            on[start:stop] = True
    # A running mean over the frames around, of what is on in all of them: the weight is 0 wherever it is off.
    reach = ramp // 2
    padded = np.pad(on, reach, mode="edge")
    inner = np.array([padded[frame : frame + 2 * reach + 1].all() for frame in range(len(on))])
    padded = np.pad(inner, reach, mode="edge").astype(float)
    weight = np.convolve(padded, np.full(2 * reach + 1, 1.0 / (2 * reach + 1)), mode="valid")
    return known, weight * on


def _runs(flags: BoolArray) -> list[tuple[int, int]]:
    """(start, stop) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(int)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
