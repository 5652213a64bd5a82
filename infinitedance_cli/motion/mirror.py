"""Variants of a clip that are dances again: mirrored, at another tempo, facing another way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import FootContacts, MotionClip
from infinitedance_cli.motion.features.heading import turn
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.motion.warp import warp_times

FloatArray = NDArray[np.floating]


def opposite_name(name: str) -> str:
    """The joint name on the other side of the body: left_ ↔ right_, others unchanged."""
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


def side_swap(skeleton: Skeleton) -> list[int]:
    """For each joint, the index of the one on the other side; raises BadInput where a side is missing."""
    missing = [name for name in skeleton.joint_names if opposite_name(name) not in skeleton.joint_names]
    if missing:
        raise BadInput(f"skeleton cannot be mirrored: {missing[0]} has no counterpart {opposite_name(missing[0])}")
    return [skeleton.index(opposite_name(name)) for name in skeleton.joint_names]


def mirror_rotations(joint_rotation: FloatArray, swap: list[int]) -> FloatArray:
    """Rotations (..., J, 4) seen in a mirror across the x = 0 plane, sides swapped."""
    mirrored: FloatArray = joint_rotation[..., swap, :] * np.array([1, 1, -1, -1], dtype=joint_rotation.dtype)
    return mirrored


def mirror_positions(positions: FloatArray, swap: list[int]) -> FloatArray:
    """Joint positions (..., J, 3) seen in a mirror across the x = 0 plane, sides swapped."""
    mirrored: FloatArray = positions[..., swap, :] * np.array([-1, 1, 1], dtype=positions.dtype)
    return mirrored


def mirror(clip: MotionClip) -> MotionClip:
    """The clip seen in a mirror: left and right swapped. Exact on skeletons that are symmetric themselves.

    Tokens and groups that this version does not know are dropped: they describe the unmirrored motion.
    """
    swap = side_swap(clip.skeleton)
    root = clip.root_position * np.array([-1, 1, 1], dtype=np.float32)
    contacts = clip.contacts
    if contacts is not None:
        columns = [contacts.labels.index(opposite_name(label)) for label in contacts.labels]
        contacts = FootContacts(contacts.planted[:, columns], contacts.labels)
    joints = mirror_rotations(clip.joint_rotation, swap)
    return replace(clip, root_position=root, joint_rotation=joints, contacts=contacts, tokens=None, extra={})


def change_tempo(clip: MotionClip, factor: float) -> MotionClip:
    """The clip danced `factor` times as fast at the same fps; its music is stretched along (beats move with it)."""
    if not (np.isfinite(factor) and factor > 0):
        raise UsageError(f"tempo factor is {factor}; expected a positive number")
    count = int(np.floor((clip.frames - 1) / factor + 1e-6)) + 1
    faster = warp_times(clip, np.minimum(np.arange(count) * factor, clip.frames - 1))
    if clip.music is None:
        return faster
    music = replace(
        clip.music,
        beats=clip.music.beats / factor,
        downbeats=clip.music.downbeats / factor,
        tempo_bpm=clip.music.tempo_bpm * factor,
        features=None,
    )
    return replace(faster, music=music)


def turn_heading(clip: MotionClip, angle: float, about: tuple[float, float] = (0.0, 0.0)) -> MotionClip:
    """The clip turned by `angle` radians about the vertical through the point `about` (x, z) metres."""
    centre = np.array([about[0], 0.0, about[1]])
    root = turn(clip.root_position - centre, angle) + centre
    joints = clip.joint_rotation.copy()
    joints[:, 0] = rotation.multiply(rotation.about_axis("y", np.array(angle, np.float32)), joints[:, 0])
    return replace(clip, root_position=root.astype(np.float32), joint_rotation=joints, tokens=None)
