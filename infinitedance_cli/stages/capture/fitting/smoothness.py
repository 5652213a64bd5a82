"""The prior on accelerations: quadratic up to what bodies usually do, linear beyond, so that hits stay sharp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.stages.capture.fitting.options import Noise
from infinitedance_cli.stages.capture.fitting.pose_model import GROUPS, Person

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Smoothness:
    """Accelerations (T-2, P) of the present poses over their usual size, and their weights (T-2, P), one over
    variance, in units of the solver's steps."""

    acceleration: FloatArray
    weight: FloatArray

    def gradient(self) -> FloatArray:
        """Gradient (T, P) of the cost by the steps of each frame."""
        pull = self.weight * self.acceleration
        result = np.zeros((len(pull) + 2, pull.shape[1]))
        result[:-2] += pull
        result[1:-1] -= 2 * pull
        result[2:] += pull
        return result


def smoothness_of(person: Person, fps: float, noise: Noise) -> Smoothness | None:
    """Second differences of root and rotations; None for fewer than three frames.

    The second difference of rotations is that of their steps w = log(q⁻¹ q′); steps of the solver enter as 1, −2, 1,
    which holds as long as a joint turns little from frame to frame.
    """
    if len(person.root) < 3:
        return None
    turns = person.local[:, [joints[0] for joints in GROUPS]]
    steps = rotation.to_axis_angle(rotation.multiply(rotation.inverse(turns[:-1]), turns[1:]))
    parts = [np.diff(person.root, 2, axis=0)[:, None], np.diff(steps, axis=0)]
    spreads = [noise.path / fps**2, noise.turn / fps**2]
    weights = []
    for part, spread in zip(parts, spreads, strict=True):
        size = np.linalg.norm(part, axis=-1, keepdims=True) / spread
        weights.append(np.broadcast_to(spread**-2.0 / np.maximum(size, 1.0), part.shape))
    frames = len(turns) - 2
    acceleration = np.concatenate([part.reshape(frames, -1) for part in parts], axis=1)
    return Smoothness(acceleration, np.concatenate([weight.reshape(frames, -1) for weight in weights], axis=1))
