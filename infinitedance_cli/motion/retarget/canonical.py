"""A source brought to common ground: metres of our size, y up, roles instead of joint names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import resample_times, sample_positions, sample_rotations
from infinitedance_cli.motion.retarget.names import ancestors, roles_by_name
from infinitedance_cli.motion.retarget.source import RoleJoint, SourceMotion
from infinitedance_cli.motion.retarget.structure import roles_by_structure
from infinitedance_cli.motion.skeleton import Skeleton

Array = NDArray[np.floating]
SIDES = ("left", "right")


@dataclass(frozen=True)
class Pose:
    """Positions and world rotations by role, one pose (3,), (4,) or many (T, 3), (T, 4); metres, y up.

    Beside our joint names, `points` may hold "head_top" and "<side>_hand_tip", "<side>_toe_tip"; `turns` holds the
    source's spine joints as "spine:0", "spine:1" … from the lowest up.
    """

    points: dict[str, Array]
    turns: dict[str, Array]


@dataclass(frozen=True)
class RoleMotion:
    """A source in roles. `scale` metres of our size per source unit; `rest` the rest pose where it means something;
    `frames_match` as in `SourceMotion`."""

    clip_id: str
    fps: float
    frames: int
    motion: Pose
    rest: Pose | None
    scale: float
    roles: dict[str, RoleJoint]
    frames_match: bool = False

    @property
    def spine_joints(self) -> int:
        """How many joints the source has between pelvis and chest, the chest counted."""
        return sum(name.startswith("spine:") for name in self.roles)


def to_roles(source: SourceMotion, skeleton: Skeleton, fps: float) -> RoleMotion:
    """Find roles, up axis and scale of `source` and resample it to `fps`.

    Raises BadInput where no human body is found in the skeleton.
    """
    roles = find_roles(source)
    up = rotation.identity().astype(float) if source.y_is_up else up_rotation(source, roles)
    scale = leg_length_of(skeleton) / source_leg_length(source, roles)
    times = resample_times(source.frames, source.fps, fps)
    motion = _pose(roles, up, scale, sample_positions(source.positions, times), _sampled(source, times))
    rest_turns = np.broadcast_to(rotation.identity().astype(float), (len(source.joint_names), 4))
    rest = _pose(roles, up, scale, source.rest_positions(), rest_turns if source.rotations is not None else None)
    upright = source.rest_is_upright
    if upright is None:
        upright = is_standing(rest)
    return RoleMotion(
        source.clip_id, fps, len(times), motion, rest if upright else None, scale, roles, source.frames_match
    )


def _sampled(source: SourceMotion, times: Array) -> Array | None:
    return None if source.rotations is None else sample_rotations(source.rotations, times)


def _pose(roles: dict[str, RoleJoint], up: Array, scale: float, positions: Array, rotations: Array | None) -> Pose:
    points = {
        role: scale * rotation.rotate(up, positions[..., joint.position, :])
        for role, joint in roles.items()
        if not role.startswith("spine:")
    }
    if rotations is None:
        return Pose(points, {})
    tips = ("head_top", "left_hand_tip", "right_hand_tip", "left_toe_tip", "right_toe_tip")
    turns = {
        role: rotation.multiply(np.broadcast_to(up, rotations.shape[:-2] + (4,)), rotations[..., joint.rotation, :])
        for role, joint in roles.items()
        if role not in tips and joint.rotation >= 0
    }
    return Pose(points, turns)


def find_roles(source: SourceMotion) -> dict[str, RoleJoint]:
    """The roles of a source: those that it states, else by joint names, else by the shape of the tree."""
    roles = dict(source.roles) if source.roles is not None else roles_by_name(source)
    if not roles:
        roles = roles_by_structure(source)
    if not roles:
        raise BadInput(
            f"clip {source.clip_id}: no body with two legs and two arms was found in its {len(source.joint_names)} "
            f"joints ({', '.join(source.joint_names[:6])} …); name them as Mixamo or CMU rigs do"
        )
    if not any(role.startswith("spine:") for role in roles):
        roles |= _spine_roles(source, roles)
    return _tip_roles(source, roles) | roles


def _spine_roles(source: SourceMotion, roles: dict[str, RoleJoint]) -> dict[str, RoleJoint]:
    """spine:0 … from the joint above the pelvis to the chest, the last joint above both shoulders."""
    right = set(ancestors(source, roles["right_shoulder"].position))
    chest = next(joint for joint in ancestors(source, roles["left_shoulder"].position) if joint in right)
    path = [chest, *ancestors(source, chest)]
    pelvis = roles["pelvis"].position
    path = path[: path.index(pelvis)] if pelvis in path else path[:1]
    return {f"spine:{number}": RoleJoint(joint, joint) for number, joint in enumerate(reversed(path))}


def _tip_roles(source: SourceMotion, roles: dict[str, RoleJoint]) -> dict[str, RoleJoint]:
    """Ends of head, hands and toes: the farthest joint below each that lies off it."""
    tips = {"head_top": "head"}
    for side in SIDES:
        tips |= {f"{side}_hand_tip": f"{side}_wrist", f"{side}_toe_tip": f"{side}_foot"}
    found: dict[str, RoleJoint] = {}
    rest = source.rest_positions()
    size = float(np.ptp(rest, axis=0).max())
    for tip, role in tips.items():
        if role not in roles:
            continue
        joint = roles[role].position
        below = [j for j in range(joint + 1, len(source.parents)) if joint in ancestors(source, j)]
        reach = [float(np.linalg.norm(rest[j] - rest[joint])) for j in below]
        if reach and max(reach) > 0.01 * size:
            best = below[int(np.argmax(reach))]
            found[tip] = RoleJoint(best, -1)
    return found


def source_leg_length(source: SourceMotion, roles: dict[str, RoleJoint]) -> float:
    """Thigh plus shank in source units: the median over frames, the mean of both legs."""
    lengths = []
    for side in SIDES:
        hip, knee, ankle = (source.positions[:, roles[f"{side}_{name}"].position] for name in ("hip", "knee", "ankle"))
        bones = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
        lengths.append(float(np.median(bones)))
    length = float(np.mean(lengths))
    if length <= 0:
        raise BadInput(f"clip {source.clip_id}: its legs have no length")
    return length


def leg_length_of(skeleton: Skeleton) -> float:
    """Thigh plus shank of our skeleton, metres."""
    left = [float(np.linalg.norm(skeleton.offsets[skeleton.index(name)])) for name in ("left_knee", "left_ankle")]
    return sum(left)


def source_unit(scale: float) -> str:
    """The most likely unit of a source, from the scale that brings its legs to ours: for messages and reports."""
    units = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "5.644 cm (CMU)": 0.05644}
    distance = {name: abs(np.log(scale / metres)) for name, metres in units.items()}
    best = min(distance, key=lambda name: distance[name])
    return best if distance[best] < np.log(1.5) else "unknown"


def up_rotation(source: SourceMotion, roles: dict[str, RoleJoint]) -> Array:
    """Rotation (4,) that takes the source's up axis, along which the head is above the feet on average, to +Y."""
    top = roles.get("head", roles["left_shoulder"]).position
    feet = [roles[f"{side}_ankle"].position for side in SIDES]
    body = source.positions[:, top] - source.positions[:, feet].mean(axis=1)
    mean = rotation.normalize(body).mean(axis=0)
    # Floor work may lie down for a whole clip: the other axes have to win clearly against y.
    weights = np.abs(mean) * np.array([0.6, 1.0, 0.9])
    axis = int(np.argmax(weights))
    direction = np.zeros(3)
    direction[axis] = np.sign(mean[axis]) or 1.0
    if axis == 2 and direction[2] > 0:
        return np.array([np.sqrt(0.5), -np.sqrt(0.5), 0.0, 0.0])
    return rotation.between(direction, np.array([0.0, 1.0, 0.0]))


def is_standing(pose: Pose) -> bool:
    """True for one pose that can be a bind pose: it stands upright, legs nearly straight, both sides mirror images."""
    points = pose.points
    hips = 0.5 * (points["left_hip"] + points["right_hip"])
    trunk = rotation.normalize(0.5 * (points["left_shoulder"] + points["right_shoulder"]) - hips)
    left = rotation.normalize(points["left_hip"] - points["right_hip"])
    if trunk[1] < np.cos(np.radians(20)) or abs(left[1]) > np.sin(np.radians(10)):
        return False
    bones = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]
    bones += [("ankle", "foot"), ("foot", "toe_tip"), ("wrist", "hand_tip")]
    for upper, lower in bones:
        if not all(f"{side}_{name}" in points for side in SIDES for name in (upper, lower)):
            continue
        one, other = (rotation.normalize(points[f"{side}_{lower}"] - points[f"{side}_{upper}"]) for side in SIDES)
        mirrored = other - 2 * np.dot(other, left) * left
        if np.dot(one, mirrored) < np.cos(np.radians(12)):
            return False
        if upper in ("hip", "knee") and one[1] > -np.cos(np.radians(35)):
            return False
    return True
