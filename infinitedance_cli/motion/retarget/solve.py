"""Our joints' world rotations for a source in roles: calibrated rotations, bones turned to the source's directions.

The scene is scaled as a whole by the leg-length ratio, so a foot that stands still in the source stands still here.
Arms, hands, feet and trunk take the source's directions and keep the twist of its rotations; `feet.py` then lets the
legs reach the scaled ankles exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget.calibrate import Calibration
from infinitedance_cli.motion.retarget.canonical import SIDES, RoleMotion
from infinitedance_cli.motion.retarget.geometry import (
    LIMBS,
    Points,
    aim,
    bone,
    hinge_axis,
    limb_frames,
    midpoint,
    trunk_frame,
)
from infinitedance_cli.motion.retarget.limbs import hinge_rest, mend
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, Skeleton

Array = NDArray[np.floating]


def solve(motion: RoleMotion, calibration: Calibration, skeleton: Skeleton) -> tuple[Array, Array]:
    """Root position (T, 3) metres, at the source's height, and world rotations (T, 22, 4) of the body."""
    world = _trunk(motion, calibration)
    for side in SIDES:
        world |= _limbs(motion, calibration, side, world, skeleton)
        world |= mend(motion.motion.points, world, side, skeleton)
    return _root(motion.motion.points, world["pelvis"], skeleton), stack(world)


def stack(world: Points) -> Array:
    """World rotations by role as one array (T, 22, 4) in SMPL-X order."""
    return np.stack([world[name] for name in SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT]], axis=1)


def unstack(world: Array) -> Points:
    """The inverse of `stack`."""
    return {name: world[:, joint] for joint, name in enumerate(SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT])}


def _root(points: Points, pelvis: Array, skeleton: Skeleton) -> Array:
    """The pelvis joint (T, 3) that puts the middle of our hips on the middle of the source's."""
    rest = skeleton.offsets[[skeleton.index("left_hip"), skeleton.index("right_hip")]].mean(axis=0).astype(float)
    return midpoint(points, "hip") - rotation.rotate(pelvis, rest)


def _calibrated(motion: RoleMotion, calibration: Calibration, role: str) -> Array | None:
    """World rotations (T, 4) of a role from the source's own, None where it has none."""
    if role not in calibration or role not in motion.motion.turns:
        return None
    return rotation.multiply(motion.motion.turns[role], calibration[role])


def _trunk(motion: RoleMotion, calibration: Calibration) -> Points:
    """Pelvis, spine, neck, head and collars; from positions alone where the source has no rotations."""
    points = motion.motion.points
    pelvis = _calibrated(motion, calibration, "pelvis")
    if pelvis is None:
        pelvis = trunk_frame(points, lower=True)
    spines = (f"spine:{number}" for number in range(motion.spine_joints))
    chain = [turn for role in spines if (turn := _calibrated(motion, calibration, role)) is not None]
    chain = [pelvis, *(chain or [trunk_frame(points, upper=True)])]
    world = {"pelvis": pelvis} | {f"spine{number}": _along(chain, number / 3) for number in (1, 2, 3)}
    chest = world["spine3"]
    head = _calibrated(motion, calibration, "head")
    world["head"] = _head_from_points(points, chest) if head is None else head
    neck = _calibrated(motion, calibration, "neck")
    world["neck"] = _along([chest, world["head"]], 0.5) if neck is None else neck
    for side in SIDES:
        collar = _calibrated(motion, calibration, f"{side}_collar")
        world[f"{side}_collar"] = chest if collar is None else collar
    return world


def _along(chain: list[Array], part: float) -> Array:
    """The rotation (T, 4) at `part` of the way along a chain of rotations."""
    place = part * (len(chain) - 1)
    low = min(int(place), len(chain) - 2)
    return rotation.slerp(chain[low], chain[low + 1], np.full(len(chain[0]), place - low))


def _head_from_points(points: Points, chest: Array) -> Array:
    """The head follows the chest; where the source shows the neck's direction, half of its swing too."""
    up = bone(points, "neck", "head")
    if up is None:
        return chest
    swing = rotation.between(rotation.rotate(chest, np.array([0.0, 1.0, 0.0])), up)
    rest = np.broadcast_to(rotation.identity().astype(float), swing.shape)
    return rotation.multiply(rotation.slerp(rest, swing, np.full(len(up), 0.5)), chest)


def _limbs(motion: RoleMotion, calibration: Calibration, side: str, world: Points, skeleton: Skeleton) -> Points:
    """Arms, legs, hands and feet of one side, bones along the source's directions."""
    points = motion.motion.points
    found: Points = {}
    swings = limb_frames(points, side, {"hip": world["pelvis"], "shoulder": world[f"{side}_collar"]}, skeleton)
    for upper, lower, end in LIMBS:
        for start, stop in ((upper, lower), (lower, end)):
            role = f"{side}_{start}"
            turn = _calibrated(motion, calibration, role)
            if turn is None:
                turn = _hinged(points, swings[role], side, upper, role, skeleton)
            if not motion.frames_match:
                direction = rotation.normalize(points[f"{side}_{stop}"] - points[role])
                turn = aim(turn, hinge_rest(role, skeleton)[0], direction)
            found[role] = turn
    for role, parent in (("wrist", "elbow"), ("ankle", "knee")):
        turn = _calibrated(motion, calibration, f"{side}_{role}")
        found[f"{side}_{role}"] = _end(points, side, role, found[f"{side}_{parent}"]) if turn is None else turn
    if not motion.frames_match:
        found |= _share_twist(found, side, skeleton)
    toes = _calibrated(motion, calibration, f"{side}_foot")
    found[f"{side}_foot"] = found[f"{side}_ankle"] if toes is None else toes
    return found


def _share_twist(world: Points, side: str, skeleton: Skeleton) -> Points:
    """The forearm (T, 4) with half of the hand's twist about it: rigs that turn only the hand would wring the wrist."""
    forearm, hand = world[f"{side}_elbow"], world[f"{side}_wrist"]
    along, _ = hinge_rest(f"{side}_elbow", skeleton)
    twist = rotation.twist_about(rotation.multiply(rotation.inverse(forearm), hand), along)
    half = rotation.slerp(
        np.broadcast_to(rotation.identity().astype(float), twist.shape), twist, np.full(len(twist), 0.5)
    )
    return {f"{side}_elbow": rotation.multiply(forearm, half)}


def _hinged(points: Points, swing: Array, side: str, upper: str, role: str, skeleton: Skeleton) -> Array:
    """A limb bone from positions alone: twisted so that its hinge lies on the bend's axis where there is a bend."""
    axis, bend = hinge_axis(points, side, upper)
    along, hinge = hinge_rest(role, skeleton)
    local = rotation.rotate(rotation.inverse(swing), axis)
    weight = np.clip((bend - 0.1) / 0.25, 0.0, 1.0)
    across, on = local @ np.cross(along, hinge) * weight, local @ hinge * weight + (1.0 - weight)
    return rotation.multiply(swing, rotation.from_axis_angle(along * np.arctan2(across, on)[:, None]))


def _end(points: Points, side: str, role: str, parent: Array) -> Array:
    """A hand or foot without rotation: along its tip where that is known, else as the bone before it."""
    if role == "wrist":
        tip = bone(points, f"{side}_wrist", f"{side}_hand_tip")
        rest = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
    else:
        tip = bone(points, f"{side}_ankle", f"{side}_foot")
        rest = rotation.normalize(np.array([0.0, -0.33, 0.95]))
    return parent if tip is None else aim(parent, rest, tip)
