"""Augmentation of motion: what turns half an hour of dance into enough variety to learn from.

A `Motion` is the body only: 22 joints on the default skeleton at 30 fps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics, sample_positions, sample_rotations
from infinitedance_cli.motion.mirror import mirror_rotations
from infinitedance_cli.motion.skeleton import LEFT_RIGHT_SWAP, SMPLX_JOINT_NAMES, default_skeleton

_NAMES = SMPLX_JOINT_NAMES[:22]


def _joints(*parts: str) -> tuple[int, ...]:
    return tuple(index for index, name in enumerate(_NAMES) if any(part in name for part in parts))


LEFT_ARM = _joints("left_collar", "left_shoulder", "left_elbow", "left_wrist")
RIGHT_ARM = _joints("right_collar", "right_shoulder", "right_elbow", "right_wrist")
UPPER_BODY = tuple(sorted((*LEFT_ARM, *RIGHT_ARM, *_joints("spine", "neck", "head"))))
BORROWED = (LEFT_ARM, RIGHT_ARM, tuple(sorted((*LEFT_ARM, *RIGHT_ARM))), UPPER_BODY)
"""Sets of joints that a dance may borrow from another."""
BENT = _joints("hip", "knee", "spine", "shoulder", "elbow", "neck", "collar")

_SWAP = list(LEFT_RIGHT_SWAP[:22])


@dataclass(frozen=True)
class Motion:
    """`root_position` (T, 3) metres and `joint_rotation` (T, 22, 4), with the `clip` id and `genre` it came from."""

    clip: str
    genre: str
    root_position: NDArray[np.float32]
    joint_rotation: NDArray[np.float32]

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.root_position)


@dataclass(frozen=True)
class AugmentConfig:
    """How often each kind happens, and how far: tempo and amplitude as natural logarithms of a factor, bends and tilts
    as standard deviations in degrees.

    `bend` turns some joints by an angle that stays for the whole clip; `tilt` leans the whole body, so that what is
    danced upright is also known lying and upside down, of which there are few recordings.
    """

    mirror: float = 0.5
    tempo_range: float = 0.22
    recombine: float = 0.4
    amplitude: float = 0.4
    amplitude_range: float = 0.25
    bend: float = 0.4
    bend_degrees: float = 14.0
    tilt: float = 0.15
    tilt_degrees: float = 60.0


def mirrored(motion: Motion) -> Motion:
    """Left and right exchanged."""
    root = motion.root_position * np.array([-1, 1, 1], dtype=np.float32)
    return replace(motion, root_position=root, joint_rotation=mirror_rotations(motion.joint_rotation, _SWAP))


def at_tempo(motion: Motion, factor: float) -> Motion:
    """Played `factor` times as fast."""
    times = np.arange(0, motion.frames - 1, factor)
    return replace(
        motion,
        root_position=sample_positions(motion.root_position, times),
        joint_rotation=sample_rotations(motion.joint_rotation, times),
    )


def recombined(motion: Motion, other: Motion, offset: int, joints: Sequence[int] = UPPER_BODY) -> Motion:
    """`motion` with some `joints` as in `other`, which is read from frame `offset` on, there and back."""
    reach = other.frames - 1
    index = (offset + np.arange(motion.frames)) % max(1, 2 * reach)
    index = np.where(index > reach, 2 * reach - index, index)
    result = motion.joint_rotation.copy()
    result[:, list(joints)] = other.joint_rotation[index][:, list(joints)]
    return replace(motion, joint_rotation=result)


def with_amplitude(motion: Motion, factor: float, joints: Sequence[int] = UPPER_BODY) -> Motion:
    """The given joints' rotations moved away from (factor > 1) or towards (< 1) their mean over the clip."""
    chosen = list(joints)
    values = motion.joint_rotation[:, chosen]
    aligned = np.where(np.sum(values * values[:1], axis=-1, keepdims=True) < 0, -values, values)
    mean = rotation.normalize(aligned.mean(axis=0))
    away = rotation.to_axis_angle(rotation.multiply(rotation.inverse(mean)[None], values))
    result = motion.joint_rotation.copy()
    result[:, chosen] = rotation.multiply(mean[None], rotation.from_axis_angle(away * np.float32(factor)))
    return replace(motion, joint_rotation=result)


def bent(motion: Motion, joints: Sequence[int], axis_angles: NDArray[np.float32]) -> Motion:
    """Each of the `joints` (N) turned by a constant axis-angle (N, 3) in its own frame."""
    result = motion.joint_rotation.copy()
    turns = rotation.from_axis_angle(axis_angles)
    result[:, list(joints)] = rotation.multiply(result[:, list(joints)], turns[None])
    return on_floor(replace(motion, joint_rotation=result), motion)


def tilted(motion: Motion, axis_angle: NDArray[np.float32]) -> Motion:
    """The whole body leaned about the pelvis by a horizontal axis-angle (3,) that turns with the heading."""
    heading = rotation.about_axis("y", rotation.heading(motion.joint_rotation[:, 0])).astype(np.float32)
    lean = rotation.from_axis_angle(axis_angle)
    world = rotation.multiply(rotation.multiply(heading, lean[None]), rotation.inverse(heading))
    result = motion.joint_rotation.copy()
    result[:, 0] = rotation.multiply(world, result[:, 0])
    return on_floor(replace(motion, joint_rotation=result), motion)


def on_floor(motion: Motion, model: Motion) -> Motion:
    """`motion` raised or lowered so that its lowest joint is as high as that of `model`."""
    skeleton = default_skeleton(len(_NAMES))
    lowest = [forward_kinematics(skeleton, m.root_position, m.joint_rotation)[0][..., 1].min() for m in (motion, model)]
    root = motion.root_position.copy()
    root[:, 1] += lowest[1] - lowest[0]
    return replace(motion, root_position=root)


def augment(motion: Motion, others: Sequence[Motion], config: AugmentConfig, random: np.random.Generator) -> Motion:
    """A random variant of `motion`; limbs are borrowed from `others`."""
    if random.random() < config.recombine:
        other = others[int(random.integers(len(others)))]
        joints = BORROWED[int(random.integers(len(BORROWED)))]
        motion = recombined(motion, other, int(random.integers(other.frames)), joints)
    if random.random() < config.amplitude:
        motion = with_amplitude(motion, float(np.exp(random.uniform(-1, 1) * config.amplitude_range)))
    if random.random() < config.bend:
        joints = tuple(random.choice(BENT, size=4, replace=False).tolist())
        degrees = random.normal(size=(4, 3)) * config.bend_degrees
        motion = bent(motion, joints, np.radians(degrees).astype(np.float32))
    if random.random() < config.tilt:
        axis = np.array([random.normal(), 0.0, random.normal()]) * np.radians(config.tilt_degrees)
        motion = tilted(motion, axis.astype(np.float32))
    if random.random() < config.mirror:
        motion = mirrored(motion)
    return at_tempo(motion, float(np.exp(random.uniform(-1, 1) * config.tempo_range)))
