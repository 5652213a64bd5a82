"""Clips to feature vectors and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features.foreign import to_release_frame
from infinitedance_cli.motion.features.heading import pelvis_angles, turn
from infinitedance_cli.motion.features.layout import PAPER_259, RELEASE_264, FeatureLayout
from infinitedance_cli.motion.features.paper import encode_paper
from infinitedance_cli.motion.features.pose import pose_from_positions
from infinitedance_cli.motion.features.release import encode_release
from infinitedance_cli.motion.features.trajectory import features_to_joints
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, Skeleton, default_skeleton

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Placement:
    """Where a dance starts: pelvis (x, z) in metres and heading in radians (0 faces +Z, π/2 faces +X)."""

    x: float = 0.0
    z: float = 0.0
    heading: float = 0.0


def motion_to_features(
    positions: FloatArray, rotations: FloatArray | None, layout: FeatureLayout, *, bit_compatible: bool = False
) -> NDArray[np.float32]:
    """Features (T-1, D) of joint `positions` (T, 22, 3) metres and local `rotations` (T, 22, 4).

    `release-264` reads no rotations and takes the positions as they are (see `to_release_frame`). `bit_compatible`
    keeps the release's wrong yaw sign. Raises BadInput with fewer than two frames or wrong shapes, UsageError when
    `paper-259` gets no rotations.
    """
    if positions.ndim != 3 or positions.shape[1:] != (BODY_JOINT_COUNT, 3) or len(positions) < 2:
        raise BadInput(f"joint positions have shape {positions.shape}; expected (T, 22, 3) with T ≥ 2")
    if layout is RELEASE_264:
        return encode_release(positions, bit_compatible=bit_compatible)
    if layout is PAPER_259:
        if rotations is None or rotations.shape != (len(positions), BODY_JOINT_COUNT, 4):
            raise UsageError("paper-259 features need local joint rotations (T, 22, 4)")
        return encode_paper(positions, rotations)
    raise UsageError(f"no extraction for feature layout {layout.name}")


def clip_to_features(clip: MotionClip, layout: FeatureLayout, *, bit_compatible: bool = False) -> NDArray[np.float32]:
    """Features (T-1, D) float32 of a clip's first 22 joints.

    For `release-264` the clip is first set on the floor, at the origin and facing +Z; with `bit_compatible` also
    re-posed to HumanML3D's bone lengths, as the release does with every clip.
    """
    positions = clip.joint_positions()[:, :BODY_JOINT_COUNT]
    if layout is RELEASE_264:
        positions = to_release_frame(positions, uniform=bit_compatible).astype(np.float64)
    return motion_to_features(
        positions, clip.joint_rotation[:, :BODY_JOINT_COUNT], layout, bit_compatible=bit_compatible
    )


def clip_placement(clip: MotionClip) -> Placement:
    """Where `clip` starts: what paper-259 features leave out, to be given to `features_to_clip`."""
    heading = -float(pelvis_angles(clip.joint_rotation[:, 0])[0])
    return Placement(float(clip.root_position[0, 0]), float(clip.root_position[0, 2]), heading)


def features_to_clip(
    features: FloatArray,
    layout: FeatureLayout,
    skeleton: Skeleton | None = None,
    *,
    clip_id: str = "features",
    fps: float = 30.0,
    placement: Placement | None = None,
) -> MotionClip:
    """A clip of T frames from features (T, D), on `skeleton` (the default one unless given).

    The pelvis' tilt and the direction of every bone come from the positions, twists and end joints from the
    rotations; bone lengths are the skeleton's. `release-264` holds no twist: joints then turn the shortest way.
    Joints beyond the first 22 rest. `placement` says where the dance starts.
    """
    skeleton = default_skeleton() if skeleton is None else skeleton
    positions = features_to_joints(features, layout).astype(np.float64)
    hint = None
    if layout is PAPER_259:
        columns = features[:, layout.block("joint_rotation")].reshape(len(features), BODY_JOINT_COUNT - 1, 6)
        hint = np.concatenate(
            (rotation.identity(len(features), 1), rotation.from_6d(columns.astype(np.float64))), axis=1
        )
    pose, _ = pose_from_positions(skeleton, positions, hint)
    start = Placement() if placement is None else placement
    pose[:, 0] = rotation.multiply(rotation.about_axis("y", np.array(start.heading)), pose[:, 0])
    root = turn(positions[:, 0], start.heading) + np.array([start.x, 0.0, start.z])
    joints = rotation.identity(len(features), skeleton.joint_count)
    joints[:, :BODY_JOINT_COUNT] = rotation.normalize(rotation.continuous(pose))
    return MotionClip(clip_id, skeleton, fps, root.astype(np.float32), joints)
