"""SMPL parameters to our skeleton: the joint frames are the same, so local rotations go over as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics, resample_times, sample_positions, sample_rotations
from infinitedance_cli.motion.retarget.canonical import leg_length_of
from infinitedance_cli.motion.retarget.planted import standing_height
from infinitedance_cli.motion.retarget.retarget import RetargetOptions, clean, face_forward
from infinitedance_cli.motion.retarget.solve import rest_ankle_height
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, default_skeleton

Array = NDArray[np.float64]
SMPL_LEG_LENGTH = 0.781
"""Thigh plus shank of SMPL's mean shape, metres: what the translations of SMPL data are scaled by."""


def retarget_smpl(
    clip_id: str,
    fps: float,
    translation: Array,
    local_rotations: Array,
    options: RetargetOptions | None = None,
    floor: float | None = None,
) -> MotionClip:
    """SMPL motion on our skeleton. `translation` (T, 3) metres at SMPL's size, y up; `local_rotations` (T, 22, 4).

    `floor` from `smpl_floor` where it is known better than from this clip. Only the translation is scaled, by the ratio of leg lengths; its constant part is replaced by the floor rule.
    Raises BadInput on shapes that disagree or values that are not finite.
    """
    options = options or RetargetOptions()
    if local_rotations.shape != (len(translation), BODY_JOINT_COUNT, 4) or translation.shape[1:] != (3,):
        raise BadInput(
            f"clip {clip_id}: translation {translation.shape} and rotations {local_rotations.shape} do not agree; "
            f"expected (T, 3) and (T, {BODY_JOINT_COUNT}, 4)"
        )
    if len(translation) == 0 or not (np.isfinite(translation).all() and np.isfinite(local_rotations).all()):
        raise BadInput(f"clip {clip_id}: it has no frames or values that are not finite")
    skeleton = default_skeleton()
    if floor is None:
        floor = smpl_floor(translation, local_rotations, fps)
    times = resample_times(len(translation), fps, options.fps)
    local = sample_rotations(rotation.normalize(local_rotations), times)
    root = sample_positions(_our_size(translation), times) - np.array([0.0, floor, 0.0])
    root, local = clean(root, local, options)
    if options.face_forward:
        root, local = face_forward(root, local)
    hands = np.repeat(rotation.identity(skeleton.joint_count - BODY_JOINT_COUNT)[None].astype(float), len(root), axis=0)
    full = rotation.normalize(np.concatenate((local, hands), axis=1))
    return MotionClip(clip_id, skeleton, options.fps, root.astype(np.float32), full.astype(np.float32))


def smpl_floor(translation: Array, local_rotations: Array, fps: float) -> float:
    """Height in metres by which SMPL motion on our skeleton has to sink to stand on the floor.

    From a whole recording it is steadier than from each of its pieces.
    """
    skeleton = default_skeleton()
    body = skeleton.first(BODY_JOINT_COUNT)
    positions = forward_kinematics(body, _our_size(translation), local_rotations)[0]
    points = {name: positions[:, joint] for joint, name in enumerate(SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT])}
    return standing_height(points, fps) - rest_ankle_height(skeleton)


def _our_size(translation: Array) -> Array:
    # SMPL's translation moves the body's origin; the pelvis joint stays at a fixed distance from it.
    return translation * (leg_length_of(default_skeleton()) / SMPL_LEG_LENGTH)
