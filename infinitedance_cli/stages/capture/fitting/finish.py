"""From the solver's axes to the world: floor at y = 0, hands and face added, planted feet at rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import Body, MotionClip
from infinitedance_cli.motion.footlock import FootLock, lock_feet
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES
from infinitedance_cli.stages.capture.fitting.evidence import Sight
from infinitedance_cli.stages.capture.fitting.face import face_measures, jaw_rotations
from infinitedance_cli.stages.capture.fitting.fingers import finger_rotations
from infinitedance_cli.stages.capture.fitting.floor import Standing
from infinitedance_cli.stages.capture.fitting.options import FittingOptions
from infinitedance_cli.stages.capture.fitting.points import BODY_LANDMARKS, point_model
from infinitedance_cli.stages.capture.fitting.pose_model import scaled_skeleton
from infinitedance_cli.stages.capture.fitting.result import Fitted, FittedCamera, camera_in_world, world_axes
from infinitedance_cli.stages.capture.fitting.solver import State
from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating]

_SEEN_BY: dict[str, tuple[int, ...]] = {
    "pelvis": (23, 24), "hip": (23, 24), "spine1": (11, 12, 23, 24), "spine2": (11, 12, 23, 24),
    "spine3": (11, 12, 23, 24), "neck": (7, 8, 11, 12), "head": (0, 7, 8), "jaw": (0, 9, 10),
}  # fmt: skip
_SEEN_LEFT = {"hip": 23, "knee": 25, "ankle": 27, "foot": 31, "collar": 11, "shoulder": 11, "elbow": 13, "wrist": 15}


def finish(
    track: PersonTrack, clip_id: str, state: State, standing: Standing, sight: Sight, options: FittingOptions
) -> Fitted:
    """The result of a fit whose solver ended at `state`."""
    axes = world_axes(state.floor.up)
    person = state.person
    root = person.root @ axes.T
    camera_position = np.array([-root[0, 0], -state.floor.height, -root[0, 2]])
    local = person.local.copy()
    local[:, 0] = rotation.multiply(rotation.from_matrix(axes[None]), local[:, 0])
    measures = face_measures(track)
    face = rotation.identity(len(root), 3).astype(np.float64)
    face[:, 0] = jaw_rotations(measures)
    fingers = finger_rotations(track)
    full = np.concatenate((local, face, fingers[:, 0], fingers[:, 1]), axis=1)
    clip = MotionClip(
        clip_id=clip_id,
        skeleton=scaled_skeleton(person.scales, len(SMPLX_JOINT_NAMES)),
        fps=track.fps,
        root_position=(root + camera_position).astype(np.float32),
        joint_rotation=rotation.normalize(rotation.continuous(full)).astype(np.float32),
        body=Body(model="anny"),
    )
    if options.lock_feet and clip.frames >= 4:
        clip = lock_feet(clip, _contact_probability(standing), FootLock(moves_body=False))
    camera = FittedCamera(
        focal_px=state.camera.focal,
        centre_px=state.camera.centre,
        width=track.width,
        height=track.height,
        rotation=camera_in_world(state.camera.turns, axes),
        position=camera_position,
        focal_known=options.focal_px is not None,
    )
    landmarks = landmarks_of(clip, person.scales)
    error = np.linalg.norm(camera.project(landmarks) - track.body_image, axis=-1)
    error[sight.trust[:, :BODY_LANDMARKS] <= 0] = np.nan
    return Fitted(clip, camera, landmarks, error, joint_confidence(track, sight, measures), measures)


def landmarks_of(clip: MotionClip, scales: FloatArray) -> FloatArray:
    """BlazePose's points (T, 33, 3) on the body of `clip`, metres in its world."""
    positions, world = forward_kinematics(clip.skeleton, clip.root_position, clip.joint_rotation)
    model = point_model()
    offsets = (model.offset * np.exp(scales)[model.segment][:, None])[:BODY_LANDMARKS]
    joint = model.joint[:BODY_LANDMARKS]
    landmarks: FloatArray = positions[:, joint] + rotation.rotate(world[:, joint], offsets)
    return landmarks


def _contact_probability(standing: Standing) -> FloatArray:
    """1 where heel and toes (left, right) stand, 0 elsewhere, (T, 4): columns of `contact.FOOT_LABELS`."""
    probability: FloatArray = (standing.weight > 0).astype(np.float64)
    return probability


def joint_confidence(track: PersonTrack, sight: Sight, measures: FloatArray) -> FloatArray:
    """How well each joint was seen, (T, 55) 0–1."""
    shown = np.nan_to_num(track.body_visibility) * (sight.trust[:, :BODY_LANDMARKS] > 0)
    confidence = np.zeros((len(shown), len(SMPLX_JOINT_NAMES)))
    for joint, name in enumerate(SMPLX_JOINT_NAMES):
        side, _, part = name.rpartition("_")
        if joint < BODY_JOINT_COUNT and part in _SEEN_LEFT and side:
            confidence[:, joint] = shown[:, _SEEN_LEFT[part] + (side == "right")]
        elif part in _SEEN_BY:
            confidence[:, joint] = shown[:, _SEEN_BY[part]].mean(axis=1)
        elif joint < BODY_JOINT_COUNT + 3:
            confidence[:, joint] = np.isfinite(measures[:, 0])
        else:
            confidence[:, joint] = np.nan_to_num(track.hand_score[:, int(side.startswith("right"))])
    confidence[:, SMPLX_JOINT_NAMES.index("jaw")] = np.isfinite(measures[:, 0])
    return confidence
