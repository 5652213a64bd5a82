"""How far decoded motion is from the motion that was encoded: as figures, and as the loss that networks descend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from infinitedance_cli.motion.features import layout_named

_FPS = 30.0


@dataclass(frozen=True)
class Reconstruction:
    """One clip's `errors_mm` (T, 22), distance of each joint from the real one with the pelvis laid over the pelvis,
    and the mean `jerk` of the joints, decoded and real (m/frame³; 0 under four frames)."""

    errors_mm: NDArray[np.float32]
    jerk: float
    real_jerk: float

    @property
    def mpjpe_mm(self) -> float:
        """Mean error over frames and joints, root-aligned."""
        return float(self.errors_mm.mean())

    @property
    def jitter_ratio(self) -> float | None:
        """Decoded over real jerk; None where the real clip stands still."""
        return self.jerk / self.real_jerk if self.real_jerk > 0 else None


def compare(decoded: NDArray[np.float32], real: NDArray[np.float32], layout: str) -> Reconstruction:
    """Compare feature rows (T, D), both of a layout; headings are compared frame by frame, so drift does not count."""
    joints, real_joints = local_joints(decoded, layout), local_joints(real, layout)
    difference = (joints - joints[:, :1]) - (real_joints - real_joints[:, :1])
    errors = np.linalg.norm(difference, axis=-1) * 1000
    return Reconstruction(errors, _mean_jerk(joints), _mean_jerk(real_joints))


def local_joints(features: NDArray[np.float32], layout: str) -> NDArray[np.float32]:
    """Joint positions (T, 22, 3) above the pelvis' own x and z, in the heading frame."""
    named = layout_named(layout)
    joints = np.zeros((len(features), 22, 3), dtype=np.float32)
    joints[:, 1:] = features[:, named.block("joint_position")].reshape(len(features), 21, 3)
    joints[:, 0, 1] = features[:, named.block("root_height")][:, 0]
    return joints


def _mean_jerk(joints: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(np.diff(joints, n=3, axis=0), axis=-1).mean()) if len(joints) > 3 else 0.0


@dataclass(frozen=True)
class LossWeights:
    """Weights of `reconstruction_terms` and of the commitment; positions, speeds, accelerations in m, m/s, m/s²."""

    position: float = 10.0
    speed: float = 0.5
    acceleration: float = 0.015
    rotation: float = 1.0
    velocity: float = 0.2
    root: float = 0.5
    commit: float = 0.1

    def weighted(self, terms: dict[str, Tensor]) -> Tensor:
        """The sum of the terms, each times its weight."""
        return torch.stack([getattr(self, name) * value for name, value in terms.items()]).sum()


def reconstruction_terms(predicted: Tensor, target: Tensor, deviation: Tensor, layout: str) -> dict[str, Tensor]:
    """The terms that `LossWeights` names, from z-scores (B, T, D) of features whose deviation is (D,).

    Speeds and accelerations are differences of the decoded positions: without them the reconstruction shivers.
    """
    named = layout_named(layout)
    position, rotation = named.block("joint_position"), named.block("joint_rotation")
    velocity, height = named.block("joint_velocity"), named.block("root_height")
    error = (predicted - target) * deviation
    joints = error[..., position].unflatten(-1, (-1, 3))
    # Positions carry the absolute height; the pose is what is left without the pelvis' own error.
    pose = joints - functional.pad(error[..., None, height], (1, 1))
    difference = predicted - target
    root = [difference[..., named.block(name)] for name in ("yaw_velocity", "root_velocity", "root_height")]
    return {
        "position": 0.5 * (_length(joints).mean() + _length(pose).mean()),
        "speed": _length(joints.diff(dim=1)).mean() * _FPS,
        "acceleration": _length(joints.diff(n=2, dim=1)).mean() * _FPS**2,
        "rotation": difference[..., rotation].abs().mean(),
        "velocity": difference[..., velocity].abs().mean(),
        "root": torch.cat(root, dim=-1).abs().mean(),
    }


def _length(vectors: Tensor) -> Tensor:
    return (vectors.square().sum(-1) + 1e-10).sqrt()
