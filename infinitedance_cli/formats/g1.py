"""Unitree G1 body trajectories (.npz with `body_pos` and `body_quat_wxyz`): a robot's motion as human motion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._arrays import UNREADABLE
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.retarget import RoleJoint, SourceMotion, retarget

EXTENSIONS = (".npz",)
DESCRIPTION = "Unitree G1 robot trajectories: body positions and quaternions (read)"
_KEYS = ("fps", "body_names", "body_parents", "body_pos", "body_quat_wxyz")

_LIMBS = {
    "hip": ("hip_roll_link", "hip_yaw_link"),
    "knee": ("knee_link", "knee_link"),
    "ankle": ("ankle_roll_link", "ankle_roll_link"),
    "foot": ("foot_tip", ""),
    "shoulder": ("shoulder_roll_link", "shoulder_yaw_link"),
    "elbow": ("elbow_link", "wrist_roll_link"),
    "wrist": ("wrist_pitch_link", "wrist_yaw_link"),
}
"""Role → the link that sits at the joint, and the link that turns with the bone below it (none: no such joint)."""


_FOOT_TIP = np.array([0.12, 0.0, -0.03])
"""The front edge of the robot's sole in its ankle's frame (x forward, z up), metres: where our toe joint goes."""


def matches(path: Path) -> bool:
    """True for an npz file with the keys of a G1 trajectory."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            return all(key in data.files for key in _KEYS)
    except UNREADABLE:
        return False


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file on our skeleton. Raises BadInput when it is no G1 trajectory."""
    yield retarget(read_source(path))


def read_source(path: Path) -> SourceMotion:
    """The robot's bodies as a source with stated roles: it has no neck, head, collars or toes."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            missing = [key for key in _KEYS if key not in data.files]
            if missing:
                raise BadInput(f"{path}: no {missing[0]!r} in it; expected a G1 trajectory with {', '.join(_KEYS)}")
            names = tuple(str(name) for name in data["body_names"])
            parents = tuple(int(parent) for parent in data["body_parents"])
            positions = data["body_pos"].astype(np.float64)
            rotations = rotation.normalize(data["body_quat_wxyz"].astype(np.float64))
            fps = float(data["fps"])
    except UNREADABLE as error:
        raise BadInput(f"{path}: {error}; expected a G1 trajectory (.npz)") from None
    offsets = _offsets(parents, positions, rotations)
    for side in ("left", "right"):
        ankle = names.index(f"{side}_ankle_roll_link") if f"{side}_ankle_roll_link" in names else 0
        tip = positions[:, ankle] + rotation.rotate(rotations[:, ankle], _FOOT_TIP)
        names, parents = (*names, f"{side}_foot_tip"), (*parents, ankle)
        offsets = np.concatenate((offsets, _FOOT_TIP[None]))
        positions = np.concatenate((positions, tip[:, None]), axis=1)
        rotations = np.concatenate((rotations, rotations[:, ankle, None]), axis=1)
    return SourceMotion(
        clip_id=Path(path).stem,
        fps=fps,
        joint_names=names,
        parents=parents,
        offsets=offsets,
        positions=positions,
        rotations=rotations,
        roles=_roles(path, names),
        rest_is_upright=True,
    )


def _offsets(parents: tuple[int, ...], positions: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Each link's place in its parent's frame, which is constant: the median over frames."""
    offsets = np.zeros((len(parents), 3))
    for joint, parent in enumerate(parents):
        if parent >= 0:
            bone = positions[:, joint] - positions[:, parent]
            offsets[joint] = np.median(rotation.rotate(rotation.inverse(rotations[:, parent]), bone), axis=0)
    return offsets


def _roles(path: Path, names: tuple[str, ...]) -> dict[str, RoleJoint]:
    try:
        roles = {"pelvis": RoleJoint(names.index("pelvis"), names.index("pelvis"))}
        for number, link in enumerate(("waist_yaw_link", "waist_roll_link", "torso_link")):
            roles[f"spine:{number}"] = RoleJoint(names.index(link), names.index(link))
        for side in ("left", "right"):
            for role, (place, turn) in _LIMBS.items():
                turned = names.index(f"{side}_{turn}") if turn else -1
                roles[f"{side}_{role}"] = RoleJoint(names.index(f"{side}_{place}"), turned)
    except ValueError as error:
        raise BadInput(f"{path}: {error}; expected the link names of the Unitree G1") from None
    return roles
