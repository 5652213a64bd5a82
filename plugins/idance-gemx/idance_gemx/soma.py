"""Poses of SOMA, the body model of GEM-X, as SMPL-X poses.

SOMA has 77 joints. As in SMPL-X, every rotation is local to the parent and relative to the T-pose with all joint frames
aligned with the world (y up, facing +Z), so a joint that both have turns by the same rotation in the world; joints that
SMPL-X has not (a second neck, metacarpals) go into the next one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget.smpl import smpl_offsets
from infinitedance_cli.motion.retarget.source import world_motion
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, SMPLX_PARENTS

Floats = NDArray[np.floating]

_SIDES = {"Left": "left", "Right": "right"}
_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")


def _skeleton() -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names and parents of SOMA's 77 joints, in its order."""
    pairs = [("Hips", ""), ("Spine1", "Hips"), ("Spine2", "Spine1"), ("Chest", "Spine2")]
    pairs += [("Neck1", "Chest"), ("Neck2", "Neck1"), ("Head", "Neck2")]
    pairs += [(name, "Head") for name in ("HeadEnd", "Jaw", "LeftEye", "RightEye")]
    for side in _SIDES:
        arm = [f"{side}{name}" for name in ("Shoulder", "Arm", "ForeArm", "Hand")]
        pairs += zip(arm, ["Chest", *arm], strict=False)
        for finger in _FINGERS:
            joints = (1, 2, 3, "End") if finger == "Thumb" else (1, 2, 3, 4, "End")
            chain = [f"{side}Hand{finger}{joint}" for joint in joints]
            pairs += zip(chain, [arm[-1], *chain], strict=False)
    for side in _SIDES:
        leg = [f"{side}{name}" for name in ("Leg", "Shin", "Foot", "ToeBase", "ToeEnd")]
        pairs += zip(leg, ["Hips", *leg], strict=False)
    names = tuple(name for name, _ in pairs)
    return names, tuple(names.index(parent) if parent else -1 for _, parent in pairs)


NAMES, PARENTS = _skeleton()


def _same_joints() -> dict[str, str]:
    """SMPL-X's joints and those of SOMA that turn as they do."""
    found = {"pelvis": "Hips", "spine1": "Spine1", "spine2": "Spine2", "spine3": "Chest", "neck": "Neck1"}
    found |= {"head": "Head", "jaw": "Jaw", "left_eye_smplhf": "LeftEye", "right_eye_smplhf": "RightEye"}
    limbs = {"collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand"}
    limbs |= {"hip": "Leg", "knee": "Shin", "ankle": "Foot", "foot": "ToeBase"}
    for theirs, ours in _SIDES.items():
        found |= {f"{ours}_{name}": f"{theirs}{joint}" for name, joint in limbs.items()}
        for finger in _FINGERS:
            first = 1 if finger == "Thumb" else 2  # the other fingers' first joint is in the palm
            for joint in range(3):
                found[f"{ours}_{finger.lower()}{joint + 1}"] = f"{theirs}Hand{finger}{first + joint}"
    return found


_SAME = [NAMES.index(_same_joints()[name]) for name in SMPLX_JOINT_NAMES]


def to_smplx(local: Floats) -> Floats:
    """Local rotations (T, 77, 4) of SOMA to those (T, 55, 4) of SMPL-X with the same rotations in the world."""
    world = world_motion(PARENTS, np.zeros((*local.shape[:2], 3)), local)[1][:, _SAME]
    turns = world.copy()
    parents = np.array(SMPLX_PARENTS[1:])
    turns[:, 1:] = rotation.multiply(rotation.inverse(world[:, parents]), world[:, 1:])
    return turns


def rest_joints(joints: Floats) -> Floats:
    """Joints (22, 3) of the T-pose with the bone lengths of SOMA's `joints` (77, 3) at rest, the pelvis at the origin.

    Directions are an average body's: whether the arms of SOMA's rest hang or not does not matter.
    """
    same = joints[_SAME[:BODY_JOINT_COUNT]]
    parents = np.maximum(SMPLX_PARENTS[:BODY_JOINT_COUNT], 0)
    lengths = np.linalg.norm(same - same[parents], axis=1, keepdims=True)
    return _joints(rotation.normalize(smpl_offsets()) * lengths)


def average_rest() -> Floats:
    """Joints (22, 3) of an average body at rest, the pelvis at the origin."""
    return _joints(smpl_offsets())


def _joints(offsets: Floats) -> Floats:
    """Where joints are, from their offsets (22, 3) from the parent."""
    rest = offsets.copy()
    rest[0] = 0
    for joint in range(1, BODY_JOINT_COUNT):
        rest[joint] += rest[SMPLX_PARENTS[joint]]
    return rest
