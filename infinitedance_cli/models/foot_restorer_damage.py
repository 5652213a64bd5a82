"""What capture does to root and legs, made on purpose: skating, jitter, floating and sinking feet.

The foot restorer learns to undo it, and the benchmark measures by it. Only the root's position and the rotations of
hips, knees and ankles change, so the clean motion stays known for everything that a restorer owns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation

FloatArray = NDArray[np.floating]

HIPS, KNEES, ANKLES = (1, 2), (4, 5), (7, 8)
_LEG_LENGTH = 0.8
_FOOT_SHARE = 0.6
"""How far the feet wander by themselves, over how far the whole body does."""
_JITTER_REACH = 0.4
"""Metres at the end of which a shaking joint rotation moves as far as the shaking root."""
_HEIGHT_WANDER = 0.15
"""Standard deviation of a height error about its mean, over that mean."""
_HEIGHT_SECONDS = 1.5


@dataclass(frozen=True)
class Artefacts:
    """How badly a motion is damaged; zero switches an artefact off.

    `skating` metres (rms) that the body glides to and fro, the feet by themselves 0.6 of it, within about
    `skating_seconds`; `jitter` metres (rms, white) of the root, and as much at 0.4 m from each leg joint; `height`
    metres by which the body floats (> 0) or sinks (< 0), wandering by 15 %.
    """

    skating: float = 0.0
    skating_seconds: float = 0.2
    jitter: float = 0.0
    height: float = 0.0

    @property
    def is_clean(self) -> bool:
        """True when nothing is damaged."""
        return self.skating == 0 and self.jitter == 0 and self.height == 0


def damage(
    root_position: NDArray[np.float32],
    joint_rotation: NDArray[np.float32],
    artefacts: Artefacts,
    random: np.random.Generator,
    fps: float = 30.0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Damaged root positions (T, 3) and local rotations (T, J ≥ 9, 4), SMPL-X order, y up; new arrays."""
    frames = len(root_position)
    root, turns = np.zeros((frames, 3)), np.zeros((frames, 6, 3))
    if artefacts.skating:
        frames_apart = artefacts.skating_seconds * fps
        root[:, [0, 2]] += artefacts.skating * wandering(frames, 2, frames_apart, random)
        swing = artefacts.skating * _FOOT_SHARE / _LEG_LENGTH * wandering(frames, 4, frames_apart, random)
        turns[:, :2, [0, 2]] += swing.reshape(frames, 2, 2)
    if artefacts.jitter:
        root += artefacts.jitter * random.normal(size=root.shape)
        turns += artefacts.jitter / _JITTER_REACH / np.sqrt(3) * random.normal(size=turns.shape)
    if artefacts.height:
        wander = np.clip(wandering(frames, 1, _HEIGHT_SECONDS * fps, random)[:, 0], -2, 2)
        root[:, 1] += artefacts.height * (1 + _HEIGHT_WANDER * wander)
    rotations = joint_rotation.copy()
    if turns.any():
        legs = [*HIPS, *KNEES, *ANKLES]
        turned = rotation.multiply(joint_rotation[:, legs].astype(np.float64), rotation.from_axis_angle(turns))
        rotations[:, legs] = rotation.normalize(turned)
    return (root_position + root).astype(np.float32), rotations


def wandering(frames: int, channels: int, frames_apart: float, random: np.random.Generator) -> FloatArray:
    """Smooth noise (T, C) of unit variance whose values are related within about `frames_apart` frames."""
    from scipy.ndimage import gaussian_filter1d

    margin = int(4 * frames_apart) + 1
    white = random.normal(size=(frames + 2 * margin, channels))
    smooth = gaussian_filter1d(white, frames_apart / np.sqrt(2), axis=0)[margin : margin + frames]
    # White noise through a Gaussian of width s has the variance 1 / (2 √π s).
    result: FloatArray = smooth * np.sqrt(2 * np.sqrt(np.pi) * max(frames_apart / np.sqrt(2), 0.29))
    return result


@dataclass(frozen=True)
class DamageRange:
    """What training draws from: artefacts happen independently, each with `chance`, and none at all with `clean`.

    Least and greatest values; those of metres and seconds are drawn log-uniformly. `height` is of either sign.
    """

    clean: float = 0.2
    chance: float = 0.6
    skating: tuple[float, float] = (0.01, 0.08)
    skating_seconds: tuple[float, float] = (0.12, 0.5)
    jitter: tuple[float, float] = (0.0005, 0.008)
    height: tuple[float, float] = (0.01, 0.07)

    def draw(self, random: np.random.Generator) -> Artefacts:
        """Random artefacts."""
        if random.random() < self.clean:
            return Artefacts()
        skating, seconds, jitter, height = (
            float(np.exp(random.uniform(*np.log(limits))))
            for limits in (self.skating, self.skating_seconds, self.jitter, self.height)
        )
        wanted = random.random(3) < self.chance
        sign = 1.0 if random.random() < 0.5 else -1.0
        return Artefacts(
            skating=skating * wanted[0],
            skating_seconds=seconds,
            jitter=jitter * wanted[1],
            height=sign * height * wanted[2],
        )
