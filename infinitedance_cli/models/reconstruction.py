"""How far decoded motion is from the motion that was encoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.features import layout_named


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
