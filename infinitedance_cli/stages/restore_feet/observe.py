"""What the foot restorer sees of a clip: its features, on the scale and the floor that the network was trained on."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.foot_restorer_features import OWNED, encode
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS, foot_rest_heights
from infinitedance_cli.motion.features.heading import pelvis_angles
from infinitedance_cli.motion.resample import require_smplx_joints
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, Skeleton, default_skeleton

logger = logging.getLogger(__name__)

LEAST_LEG_M, GREATEST_LEG_M = 0.2, 2.5
FLOOR_TOLERANCE_M = 0.15
"""A floor that lies further from y = 0 is no float or sinking of the feet but another origin."""
_FLOOR_PERCENTILE = 5.0


@dataclass(frozen=True)
class Observation:
    """Raw `features` (T, 259) and frame `angles` (T,); one metre of the clip is `scale` metres of them.

    `floor` metres: height of the clip's floor, y = 0 unless it is far from there.
    """

    features: NDArray[np.float32]
    angles: NDArray[np.floating]
    scale: float
    floor: float

    @property
    def owned(self) -> NDArray[np.float32]:
        """The owned columns (T, 90)."""
        return self.features[:, OWNED]


def observe(clip: MotionClip) -> Observation:
    """What the network sees of a clip of two or more frames at 30 fps.

    Raises BadInput when the joints are not SMPL-X's, or the legs are too long or short to be a person's in metres.
    """
    require_smplx_joints(clip)
    length = leg_length(clip.skeleton)
    if not LEAST_LEG_M < length < GREATEST_LEG_M:
        units = "; its unit is not the metre, perhaps the centimetre" if length > GREATEST_LEG_M else ""
        raise BadInput(f"clip {clip.clip_id}: its legs are {length:.3g} m long{units}; expected about 0.8 m")
    scale = leg_length(default_skeleton()) / length
    positions = clip.joint_positions()[:, :BODY_JOINT_COUNT].astype(np.float64)
    rest = foot_rest_heights(clip.skeleton.rest_positions())
    floor = _floor(positions, rest, clip.clip_id)
    positions[..., 1] -= floor
    positions *= scale
    # Toes that stand, stand as high as the toes that the network knows.
    positions[..., 1] += foot_rest_heights()[1] - scale * rest[1]
    angles = pelvis_angles(clip.joint_rotation[:, 0])
    features = encode(positions, clip.joint_rotation[:, :BODY_JOINT_COUNT], angles)
    return Observation(features, angles, scale, floor)


def leg_length(skeleton: Skeleton) -> float:
    """Thigh and shin of the left leg, metres."""
    return float(np.linalg.norm(skeleton.offsets[4]) + np.linalg.norm(skeleton.offsets[7]))


def _floor(positions: NDArray[np.float64], rest: NDArray[np.floating], clip_id: str) -> float:
    """Height of the floor: 0, or where the feet stand if that is far from 0."""
    lowest = (positions[:, FOOT_JOINTS, 1] - rest).min(axis=1)
    found = float(np.percentile(lowest, _FLOOR_PERCENTILE))
    if abs(found) <= FLOOR_TOLERANCE_M:
        return 0.0
    logger.warning("%s: its feet stand %.2f m from y = 0; the floor is taken to be there", clip_id, found)
    return found
