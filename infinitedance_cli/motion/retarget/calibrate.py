"""How the joint frames of a rig sit on the body: one constant rotation per role.

A source joint turns rigidly with its bone, so its world rotation R(t) and the rotation W(t) that our joint should have
differ by a constant: W(t) = R(t) · C. C comes from the rest pose where that stands upright (T-pose, A-pose, arms
hanging), otherwise from the motion: the C that fits the body's geometry best over the frames in which it is clear
(trunk upright, elbow or knee bent, sole on the floor).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget.canonical import SIDES, Pose, RoleMotion
from infinitedance_cli.motion.retarget.geometry import (
    LIMBS,
    bone,
    flat_frame,
    hinge_axis,
    limb_frames,
    mean_rotation,
    trunk_frame,
    trunk_up,
    yaw_only,
)
from infinitedance_cli.motion.retarget.limbs import hinge_rest
from infinitedance_cli.motion.retarget.planted import planted_flat
from infinitedance_cli.motion.skeleton import Skeleton

Array = NDArray[np.floating]
Calibration = dict[str, Array]
_LEAST_SECONDS = 20.0
_HEAD_PITCH = np.radians(12)


def calibrate(motions: Sequence[RoleMotion], skeleton: Skeleton) -> Calibration:
    """Constant rotations (4,) by role for clips of one rig; empty for sources without rotations."""
    if not motions[0].motion.turns:
        return {}
    if motions[0].frames_match:
        return dict.fromkeys(motions[0].motion.turns, rotation.identity().astype(float))
    rest = motions[0].rest
    pooled = Pose(
        {role: np.concatenate([m.motion.points[role] for m in motions]) for role in motions[0].motion.points},
        {role: np.concatenate([m.motion.turns[role] for m in motions]) for role in motions[0].motion.turns},
    )
    offsets = _from_rest(rest, skeleton) if rest is not None else _from_motion(pooled, skeleton)
    planted = [planted_flat(motion.motion.points, motion.fps) for motion in motions]
    for side in SIDES:
        flat = np.concatenate([one[side] for one in planted])
        offsets |= _from_planted(pooled, side, flat, offsets)
        if rest is None or "left_middle1" in pooled.points:
            offsets |= _hand_from_fingers(pooled, side)
    return offsets | _level_head(pooled, offsets, sum(motion.frames / motion.fps for motion in motions))


def _from_rest(rest: Pose, skeleton: Skeleton) -> Calibration:
    """Offsets from an upright rest pose: the trunk faces forward, limbs swing from the T-pose to where they are."""
    facing = yaw_only(trunk_frame(rest.points))
    frames = dict.fromkeys((role for role in rest.turns if not role.startswith(SIDES)), facing)
    for side in SIDES:
        frames |= dict.fromkeys((f"{side}_collar", f"{side}_ankle", f"{side}_foot"), facing)
        frames |= limb_frames(rest.points, side, facing, skeleton)
        toes = bone(rest.points, f"{side}_ankle", f"{side}_foot")
        if toes is not None:
            frames[f"{side}_ankle"] = frames[f"{side}_foot"] = flat_frame(toes)
        frames[f"{side}_wrist"] = _rest_hand(rest, side, frames[f"{side}_elbow"])
    return {
        role: rotation.multiply(rotation.inverse(turn), frames[role])
        for role, turn in rest.turns.items()
        if role in frames
    }


def _rest_hand(rest: Pose, side: str, forearm: Array) -> Array:
    """The hand goes on as the forearm does, bent where its tip says so."""
    tip = bone(rest.points, f"{side}_wrist", f"{side}_hand_tip")
    if tip is None:
        return forearm
    straight = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
    bend = rotation.between(straight, rotation.rotate(rotation.inverse(forearm), tip))
    angle = float(np.linalg.norm(rotation.to_axis_angle(bend)))
    return rotation.multiply(forearm, bend) if angle < np.radians(60) else forearm


def _from_motion(pose: Pose, skeleton: Skeleton) -> Calibration:
    """Offsets from the motion alone, for rigs whose rest pose means nothing."""
    up = trunk_up(pose.points)
    upright = np.clip((up[:, 1] - 0.85) / 0.1, 0.01, 1.0)
    trunk = trunk_frame(pose.points)
    facing = yaw_only(trunk)
    offsets: Calibration = {}
    for role in (name for name in pose.turns if not name.startswith(SIDES) and name != "head"):
        offsets[role] = _fit(pose.turns[role], trunk, upright)
    chest = rotation.multiply(pose.turns[_top_spine(pose)], offsets[_top_spine(pose)])
    if "head" in pose.turns:
        offsets["head"] = _fit(pose.turns["head"], facing, upright)
    for side in SIDES:
        if f"{side}_collar" in pose.turns:
            offsets[f"{side}_collar"] = _fit(pose.turns[f"{side}_collar"], chest, upright)
        offsets |= _limbs_from_motion(pose, side, chest, skeleton)
    return offsets


def _top_spine(pose: Pose) -> str:
    spines = [role for role in pose.turns if role.startswith("spine:")]
    return max(spines, key=lambda role: int(role[6:])) if spines else "pelvis"


def _limbs_from_motion(pose: Pose, side: str, chest: Array, skeleton: Skeleton) -> Calibration:
    """Swing from the parent on average, twist by the hinge of knee and elbow in the frames in which it is bent."""
    pelvis = trunk_frame(pose.points, lower=True)
    swings = limb_frames(pose.points, side, {"hip": pelvis, "shoulder": chest}, skeleton)
    offsets: Calibration = {}
    for upper, lower, _ in LIMBS:
        axis, bend = hinge_axis(pose.points, side, upper)
        weight = np.clip((bend - 0.25) / 0.5, 0.0, 1.0) ** 2
        for role in (f"{side}_{upper}", f"{side}_{lower}"):
            first = _fit(pose.turns[role], swings[role], np.ones(len(axis)))
            offsets[role] = first
            if weight.sum() > 5:
                offsets[role] = _twist_to_hinge(pose.turns[role], first, role, axis, weight, skeleton)
    forearm = rotation.multiply(pose.turns[f"{side}_elbow"], offsets[f"{side}_elbow"])
    offsets[f"{side}_wrist"] = _fit(pose.turns[f"{side}_wrist"], forearm, np.ones(len(forearm)))
    return offsets


def _twist_to_hinge(turn: Array, offset: Array, role: str, axis: Array, weight: Array, skeleton: Skeleton) -> Array:
    """`offset` turned about the bone so that our hinge axis lies on the measured one on average."""
    world = rotation.multiply(turn, offset)
    along, hinge = hinge_rest(role, skeleton)
    local = rotation.rotate(rotation.inverse(world), axis)
    angle = np.arctan2(local @ np.cross(along, hinge), local @ hinge)
    mean = np.angle(np.sum(weight * np.exp(1j * angle)))
    return rotation.multiply(offset, rotation.from_axis_angle(along * mean))


def _level_head(pose: Pose, offsets: Calibration, seconds: float) -> Calibration:
    """Neck and head turned so that people look ahead on average, for rigs whose rest pose has the head elsewhere.

    Only where over 20 seconds of recording say so and the upright frames' median pitch is beyond 12 degrees.
    """
    upright = trunk_up(pose.points)[:, 1] > np.cos(np.radians(18))
    if "head" not in offsets or seconds < _LEAST_SECONDS or upright.mean() < 0.5:
        return {}
    head = rotation.multiply(pose.turns["head"][upright], offsets["head"])
    pitch = float(np.median(np.arcsin(np.clip(-rotation.rotate(head, np.array([0.0, 0.0, 1.0]))[:, 1], -1.0, 1.0))))
    if abs(pitch) < _HEAD_PITCH:
        return {}
    back = rotation.about_axis("x", np.array(-pitch))
    return {role: rotation.multiply(offsets[role], back) for role in ("neck", "head") if role in offsets}


def _from_planted(pose: Pose, side: str, flat: NDArray[np.bool_], offsets: Calibration) -> Calibration:
    """Feet lie flat, at their own heading, in the frames in which they stand still on the floor."""
    ankle, toe = f"{side}_ankle", f"{side}_foot"
    if flat.sum() < 10 or ankle not in pose.turns:
        return {}
    toes = bone(pose.points, ankle, toe)
    found: Calibration = {}
    for role in (ankle, toe):
        if role not in pose.turns:
            continue
        if toes is not None:
            target = flat_frame(toes)
        else:
            target = yaw_only(rotation.multiply(pose.turns[role], offsets[role]))
        found[role] = _fit(pose.turns[role][flat], target[flat], np.ones(int(flat.sum())), robust=True)
    return found


def _hand_from_fingers(pose: Pose, side: str) -> Calibration:
    """The hand's frame from its knuckles: along the middle finger, index towards +Z in the T-pose."""
    names = ("wrist", "middle1", "index1", "pinky1")
    if not all(f"{side}_{name}" in pose.points for name in names) or f"{side}_wrist" not in pose.turns:
        return {}
    wrist, middle, index, pinky = (pose.points[f"{side}_{name}"] for name in names)
    along = rotation.normalize(middle - wrist) * (1.0 if side == "left" else -1.0)
    across: Array = index - pinky
    across = rotation.normalize(across - np.sum(across * along, axis=-1, keepdims=True) * along)
    frame = rotation.from_matrix(np.stack((along, np.cross(across, along), across), axis=-1))
    return {f"{side}_wrist": _fit(pose.turns[f"{side}_wrist"], frame, np.ones(len(frame)))}


def _fit(turn: Array, target: Array, weight: Array, robust: bool = False) -> Array:
    """The constant C (4,) that makes turn · C closest to target over the weighted frames."""
    return mean_rotation(rotation.multiply(rotation.inverse(turn), target), weight, robust)
