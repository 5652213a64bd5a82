"""Augmentation of motion: what turns half an hour of dance into enough variety to learn from.

A `Motion` is the body only: 22 joints on the default skeleton at 30 fps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import sample_positions, sample_rotations
from infinitedance_cli.motion.mirror import mirror_rotations
from infinitedance_cli.motion.skeleton import LEFT_RIGHT_SWAP, SMPLX_JOINT_NAMES

UPPER_BODY: tuple[int, ...] = tuple(
    index
    for index, name in enumerate(SMPLX_JOINT_NAMES[:22])
    if not any(part in name for part in ("pelvis", "hip", "knee", "ankle", "foot"))
)


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
    """How much of each kind: probabilities, and ranges as natural logarithms of a factor."""

    mirror: float = 0.5
    tempo_range: float = 0.22
    recombine: float = 0.3
    amplitude: float = 0.4
    amplitude_range: float = 0.25


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


def recombined(motion: Motion, other: Motion, offset: int) -> Motion:
    """The legs and path of `motion` under the upper body of `other`, read from frame `offset` on, there and back."""
    reach = other.frames - 1
    index = (offset + np.arange(motion.frames)) % max(1, 2 * reach)
    index = np.where(index > reach, 2 * reach - index, index)
    joints = motion.joint_rotation.copy()
    joints[:, UPPER_BODY] = other.joint_rotation[index][:, UPPER_BODY]
    return replace(motion, joint_rotation=joints)


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


def augment(motion: Motion, others: Sequence[Motion], config: AugmentConfig, random: np.random.Generator) -> Motion:
    """A random variant of `motion`; upper bodies are borrowed from `others`."""
    if random.random() < config.recombine:
        other = others[int(random.integers(len(others)))]
        motion = recombined(motion, other, int(random.integers(other.frames)))
    if random.random() < config.amplitude:
        motion = with_amplitude(motion, float(np.exp(random.uniform(-1, 1) * config.amplitude_range)))
    if random.random() < config.mirror:
        motion = mirrored(motion)
    return at_tempo(motion, float(np.exp(random.uniform(-1, 1) * config.tempo_range)))
