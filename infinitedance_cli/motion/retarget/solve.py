"""Our joints' rotations for a source in roles: calibrated rotations, bones turned to the source's directions, legs by IK.

The scene is scaled as a whole by the leg-length ratio, so a foot that stands still in the source stands still here.
Legs reach the scaled ankles exactly (two-bone IK with our fixed bone lengths); arms, hands, feet and trunk take the
source's directions and keep the twist of its rotations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import local_rotations
from infinitedance_cli.motion.retarget.calibrate import Calibration, hinge_rest
from infinitedance_cli.motion.retarget.canonical import SIDES, RoleMotion
from infinitedance_cli.motion.retarget.geometry import (
    LIMBS,
    bone,
    hinge_axis,
    limb_frames,
    midpoint,
    trunk_frame,
)
from infinitedance_cli.motion.retarget.planted import standing_height
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, Skeleton

Array = NDArray[np.float64]
Frames = dict[str, Array]


def solve(motion: RoleMotion, calibration: Calibration, skeleton: Skeleton) -> tuple[Array, Array]:
    """Root position (T, 3) metres and local rotations (T, 22, 4) of the body."""
    points = motion.motion.points
    world = _trunk(motion, calibration)
    for side in SIDES:
        world |= _limbs(motion, calibration, side, world, skeleton)
    lift = rest_ankle_height(skeleton) - standing_height(points, motion.fps)
    root = _root(points, world["pelvis"], skeleton) + np.array([0.0, lift, 0.0])
    for side in SIDES:
        target = points[f"{side}_ankle"] + np.array([0.0, lift, 0.0])
        world |= reach(root, target, side, world, skeleton)
    stacked = np.stack([world[name] for name in SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT]], axis=1)
    return root, local_rotations(skeleton.first(BODY_JOINT_COUNT), stacked)


def rest_ankle_height(skeleton: Skeleton) -> float:
    """Height of the ankle joint over the floor in our rest pose, metres."""
    return float(skeleton.rest_positions()[skeleton.index("left_ankle"), 1])


def _root(points: Frames, pelvis: Array, skeleton: Skeleton) -> Array:
    """The pelvis joint (T, 3) that puts the middle of our hips on the middle of the source's."""
    rest = skeleton.offsets[[skeleton.index("left_hip"), skeleton.index("right_hip")]].mean(axis=0).astype(float)
    return midpoint(points, "hip") - rotation.rotate(pelvis, rest)


def _calibrated(motion: RoleMotion, calibration: Calibration, role: str) -> Array | None:
    """World rotations (T, 4) of a role from the source's own, None where it has none."""
    if role not in calibration or role not in motion.motion.turns:
        return None
    return rotation.multiply(motion.motion.turns[role], calibration[role])


def _trunk(motion: RoleMotion, calibration: Calibration) -> Frames:
    """Pelvis, spine, neck, head and collars; from positions alone where the source has no rotations."""
    points = motion.motion.points
    pelvis = _calibrated(motion, calibration, "pelvis")
    if pelvis is None:
        pelvis, chest = trunk_frame(points, lower=True), trunk_frame(points, upper=True)
        chain = [chest]
    else:
        spines = (f"spine:{number}" for number in range(motion.spine_joints))
        chain = [turn for role in spines if (turn := _calibrated(motion, calibration, role)) is not None]
        chain = chain or [trunk_frame(points, upper=True)]
    world = {"pelvis": pelvis}
    for number in (1, 2, 3):
        world[f"spine{number}"] = _along([pelvis, *chain], number / 3)
    chest = world["spine3"]
    head = _calibrated(motion, calibration, "head")
    if head is None:
        head = _head_from_points(points, chest)
    neck = _calibrated(motion, calibration, "neck")
    world["head"] = head
    world["neck"] = rotation.slerp(chest, head, np.full(len(head), 0.5)) if neck is None else neck
    for side in SIDES:
        collar = _calibrated(motion, calibration, f"{side}_collar")
        world[f"{side}_collar"] = chest if collar is None else collar
    return world


def _along(chain: list[Array], part: float) -> Array:
    """The rotation (T, 4) at `part` of the way along a chain of rotations."""
    place = part * (len(chain) - 1)
    low = min(int(place), len(chain) - 2)
    return rotation.slerp(chain[low], chain[low + 1], np.full(len(chain[0]), place - low))


def _head_from_points(points: Frames, chest: Array) -> Array:
    """The head follows the chest; where the source shows the neck's direction, half of its swing too."""
    up = bone(points, "neck", "head")
    if up is None:
        return chest
    swing = rotation.between(rotation.rotate(chest, np.array([0.0, 1.0, 0.0])), up)
    half = rotation.slerp(np.broadcast_to(rotation.identity().astype(float), swing.shape), swing, np.full(len(up), 0.5))
    return rotation.multiply(half, chest)


def _limbs(motion: RoleMotion, calibration: Calibration, side: str, world: Frames, skeleton: Skeleton) -> Frames:
    """Arms, legs, hands and feet of one side, bones along the source's directions."""
    points = motion.motion.points
    found: Frames = {}
    swings = limb_frames(points, side, {"hip": world["pelvis"], "shoulder": world[f"{side}_collar"]}, skeleton)
    for upper, lower, end in LIMBS:
        for start, stop in ((upper, lower), (lower, end)):
            role = f"{side}_{start}"
            turn = _calibrated(motion, calibration, role)
            if turn is None:
                turn = _hinged(points, swings[role], side, upper, role, skeleton)
            direction = rotation.normalize(points[f"{side}_{stop}"] - points[role])
            found[role] = aim(turn, role, direction, skeleton)
    for role, parent in (("wrist", "elbow"), ("ankle", "knee")):
        turn = _calibrated(motion, calibration, f"{side}_{role}")
        found[f"{side}_{role}"] = _end(points, side, role, found[f"{side}_{parent}"]) if turn is None else turn
    toes = _calibrated(motion, calibration, f"{side}_foot")
    found[f"{side}_foot"] = found[f"{side}_ankle"] if toes is None else toes
    return found


def aim(turn: Array, role: str, direction: Array, skeleton: Skeleton) -> Array:
    """`turn` (T, 4) with the smallest swing added that lays the role's bone along `direction` (T, 3)."""
    along, _ = hinge_rest(role, skeleton)
    return rotation.multiply(rotation.between(rotation.rotate(turn, along), direction), turn)


def _hinged(points: Frames, swing: Array, side: str, upper: str, role: str, skeleton: Skeleton) -> Array:
    """A limb bone from positions alone: twisted so that its hinge lies on the bend's axis where there is a bend."""
    axis, bend = hinge_axis(points, side, upper)
    along, hinge = hinge_rest(role, skeleton)
    local = rotation.rotate(rotation.inverse(swing), axis)
    weight = np.clip((bend - 0.1) / 0.25, 0.0, 1.0)
    across, on = local @ np.cross(along, hinge) * weight, local @ hinge * weight + (1.0 - weight)
    return rotation.multiply(swing, rotation.from_axis_angle(along * np.arctan2(across, on)[:, None]))


def _end(points: Frames, side: str, role: str, parent: Array) -> Array:
    """A hand or foot without rotation: along its tip where that is known, else as the bone before it."""
    if role == "wrist":
        tip = bone(points, f"{side}_wrist", f"{side}_hand_tip")
        rest = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
    else:
        tip = bone(points, f"{side}_ankle", f"{side}_foot")
        rest = rotation.normalize(np.array([0.0, -0.33, 0.95]))
    if tip is None:
        return parent
    return rotation.multiply(rotation.between(rotation.rotate(parent, rest), tip), parent)


def reach(root: Array, target: Array, side: str, world: Frames, skeleton: Skeleton) -> Frames:
    """Thigh and shank (T, 4) that put the ankle on `target` (T, 3): the knee keeps the bend's plane that it has."""
    offsets = {
        name: skeleton.offsets[skeleton.index(f"{side}_{name}")].astype(float) for name in ("hip", "knee", "ankle")
    }
    hip = root + rotation.rotate(world["pelvis"], offsets["hip"])
    thigh, shank = (float(np.linalg.norm(offsets[name])) for name in ("knee", "ankle"))
    to_target = target - hip
    distance = np.linalg.norm(to_target, axis=-1, keepdims=True)
    line = to_target / np.maximum(distance, 1e-9)
    distance = np.clip(distance, abs(thigh - shank) + 1e-3, (thigh + shank) * (1 - 1e-6))
    upper = world[f"{side}_hip"]
    along, hinge = hinge_rest(f"{side}_hip", skeleton)
    # The knee's side of the line hip–ankle: where it is now, or, for a straight leg, where the hinge would take it.
    now = rotation.rotate(upper, along)
    front = rotation.rotate(upper, np.cross(along, hinge))
    side_now = now - np.sum(now * line, axis=-1, keepdims=True) * line
    pole = side_now + 0.05 * (front - np.sum(front * line, axis=-1, keepdims=True) * line)
    pole = rotation.normalize(pole)
    cosine = (thigh**2 + distance**2 - shank**2) / (2 * thigh * distance)
    cosine = np.clip(cosine, -1.0, 1.0)
    first = line * cosine + pole * np.sqrt(1.0 - cosine**2)
    second = rotation.normalize(line * distance - first * thigh)
    return {
        f"{side}_hip": aim(upper, f"{side}_hip", first, skeleton),
        f"{side}_knee": aim(world[f"{side}_knee"], f"{side}_knee", second, skeleton),
    }
