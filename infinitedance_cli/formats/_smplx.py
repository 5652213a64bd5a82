"""SMPL-family parameters ↔ our clips, shared by the formats that hold them.

What SMPL calls `trans` moves the model's origin, not its pelvis: pelvis = trans + rest pelvis, and the rest pelvis is
not turned by the root rotation. Its exact place and the leg length depend on the licensed model and the betas, which we
do not have; `REST_PELVIS` and `LEG_LENGTH` are those of an average body, rounded. With the licensed model our
dances therefore stand on the floor to within about 3 cm, and the horizontal path is exact up to scale. Where the model
file is at hand, in a user's checkout of research code, `SmplMotion.rest_joints` makes both exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import Body, MotionClip
from infinitedance_cli.motion.kinematics import resample_times, sample_positions, sample_rotations
from infinitedance_cli.motion.retarget import retarget, smpl_source
from infinitedance_cli.motion.retarget.smpl import smpl_offsets
from infinitedance_cli.motion.skeleton import (
    BODY_JOINT_COUNT,
    SMPLX_JOINT_NAMES,
    SMPLX_PARENTS,
    Skeleton,
    default_skeleton,
)

FloatArray = NDArray[np.floating]

REST_PELVIS = np.array([0.0, -0.35, 0.01])
"""About where the pelvis of SMPL-X rests, metres from the model's origin."""

LEG_LENGTH = 0.78
"""About thigh plus shank of SMPL's and SMPL-X's mean shapes, metres."""

UP_TO_Z = rotation.about_axis("x", np.array(np.pi / 2))
"""Turns our world, y up, into one with z up that faces −Y, as AMASS has it."""

_LEG = [SMPLX_JOINT_NAMES.index("left_knee"), SMPLX_JOINT_NAMES.index("left_ankle")]
_FACE = 22
_LEFT_HAND, _RIGHT_HAND, _END = 25, 40, 55
_TO_Y_UP = {
    "y": rotation.identity().astype(float),
    "z": rotation.inverse(UP_TO_Z),
    "-y": rotation.about_axis("x", np.array(np.pi)),
}
"""Turns of the world to y up; −y is the frame of a camera that looks at a standing person."""


@dataclass(frozen=True)
class SmplMotion:
    """SMPL-family parameters as a file has them.

    `rotations` (T, 55, 4) local in SMPL-X order, at rest where the file has no such joint; `translation` (T, 3) metres,
    the file's `trans`; `betas` (B,); `expression` (T, E); `hands` True when the file has fingers. `rest_joints` (22, 3)
    metres, where the model rests with these betas, when that is known.
    """

    rotations: FloatArray
    translation: FloatArray
    betas: NDArray[np.float32]
    gender: str
    fps: float
    hands: bool
    expression: FloatArray | None = None
    rest_joints: FloatArray | None = None

    def part(self, first: int, end: int) -> SmplMotion:
        """The frames from `first` to before `end`."""
        frames = slice(first, end)
        expression = None if self.expression is None else self.expression[frames]
        return replace(
            self, rotations=self.rotations[frames], translation=self.translation[frames], expression=expression
        )


def to_parameters(clip: MotionClip) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Axis-angles (T, 165) radians and translation (T, 3) metres of an SMPL-X body in a world with z up.

    The path is scaled by the ratio of leg lengths, so that the feet of an SMPL-X body reach the floor.
    The clip must have SMPL-X joints (22 or 55); missing ones are zero.
    """
    turns = clip.joint_rotation.astype(np.float64)
    turns[:, 0] = rotation.multiply(np.broadcast_to(UP_TO_Z, (clip.frames, 4)), turns[:, 0])
    poses = np.zeros((clip.frames, _END, 3))
    poses[:, : turns.shape[1]] = rotation.to_axis_angle(turns)
    scale = _scale(clip.skeleton)
    pelvis = rotation.rotate(UP_TO_Z, clip.root_position.astype(np.float64) * scale)
    return poses.reshape(clip.frames, -1), pelvis - REST_PELVIS


def from_parameters(
    name: str, poses: FloatArray, hands: FloatArray | None, face: FloatArray | None
) -> NDArray[np.float64]:
    """Local rotations (T, 55, 4) from axis-angles: `poses` (T, ≥66) root and body, `hands` (T, 90), `face` (T, 9).

    Raises BadInput on other shapes.
    """
    frames = len(poses)
    whole = np.zeros((frames, _END, 3))
    if poses.ndim != 2 or poses.shape[1] < 3 * BODY_JOINT_COUNT:
        raise BadInput(f"{name}: body poses have shape {poses.shape}; expected (T, 66) or more axis-angles")
    whole[:, :BODY_JOINT_COUNT] = poses[:, : 3 * BODY_JOINT_COUNT].reshape(frames, -1, 3)
    for part, values, first, last in (("face", face, _FACE, _LEFT_HAND), ("hand", hands, _LEFT_HAND, _END)):
        if values is None:
            continue
        if values.shape != (frames, 3 * (last - first)):
            raise BadInput(f"{name}: {part} poses have shape {values.shape}; expected ({frames}, {3 * (last - first)})")
        whole[:, first:last] = values.reshape(frames, -1, 3)
    if not np.isfinite(whole).all():
        frame = int(np.argmin(np.isfinite(whole).reshape(frames, -1).all(axis=1)))
        raise BadInput(f"{name}: a pose is not finite at frame {frame}")
    return rotation.from_axis_angle(whole).astype(np.float64)


def _scale(skeleton: Skeleton) -> float:
    """SMPL-X's size over that of our skeleton, by the left leg."""
    leg = skeleton.offsets[[skeleton.index("left_knee"), skeleton.index("left_ankle")]]
    return LEG_LENGTH / float(np.linalg.norm(leg, axis=1).sum())


def with_parameters(clip: MotionClip, fps: float, poses: FloatArray, translation: FloatArray) -> MotionClip:
    """`clip` with the motion of edited parameters: the inverse of `to_parameters`, on the clip's skeleton."""
    count = clip.skeleton.joint_count
    turns = rotation.from_axis_angle(poses.reshape(len(poses), _END, 3)[:, :count].astype(np.float64))
    back = rotation.inverse(UP_TO_Z)
    turns[:, 0] = rotation.multiply(np.broadcast_to(back, (len(turns), 4)), turns[:, 0])
    scale = _scale(clip.skeleton)
    root = rotation.rotate(back, translation + REST_PELVIS) / scale
    return replace(clip, fps=fps, root_position=root.astype(np.float32), joint_rotation=turns.astype(np.float32))


def up_axis(rotations: FloatArray, usual: str) -> str:
    """Which way is up ("y", "z" or "-y"): along which axis the pelvis points on average; a near tie goes to `usual`."""
    up = rotation.rotate(rotations[:, 0], np.array([0.0, 1.0, 0.0])).mean(axis=0)
    share = {"y": up[1], "z": up[2], "-y": -up[1]}
    share[usual] += 0.3
    return max(share, key=lambda axis: share[axis])


def to_clip(name: str, motion: SmplMotion, usual_up: str) -> MotionClip:
    """The motion on our skeleton at 30 fps, on the floor, facing +Z: hands and face too where the file has them.

    Raises BadInput when there are no frames or a value is not finite.
    """
    if len(motion.rotations) == 0:
        raise BadInput(f"{name}: it has no frames")
    if motion.translation.shape != (len(motion.rotations), 3):
        raise BadInput(
            f"{name}: translation has shape {motion.translation.shape}; expected ({len(motion.rotations)}, 3)"
        )
    turn = _TO_Y_UP[up_axis(motion.rotations, usual_up)]
    local = motion.rotations.copy()
    local[:, 0] = rotation.multiply(np.broadcast_to(turn, (len(local), 4)), local[:, 0])
    # The rest pelvis is not turned with the world, so it is added before; constant offsets go with floor and origin.
    pelvis = rotation.rotate(turn, motion.translation + rest_pelvis(motion)).astype(np.float64)
    offsets = None if motion.rest_joints is None else _offsets(motion.rest_joints)
    clip = retarget(smpl_source(name, motion.fps, pelvis, local[:, :BODY_JOINT_COUNT], offsets))
    times = resample_times(len(local), motion.fps, clip.fps)
    joint_rotation = clip.joint_rotation.copy()
    if motion.hands:
        joint_rotation[:, BODY_JOINT_COUNT:] = sample_rotations(local[:, BODY_JOINT_COUNT:], times)
    expression = None if motion.expression is None else sample_positions(motion.expression, times)
    body = Body("smplx", motion.betas, expression, motion.gender)
    return replace(clip, joint_rotation=joint_rotation, body=body)


def scale_of(motion: SmplMotion) -> float:
    """The size of `to_clip`'s clip over the file's own, by the legs."""
    ours = default_skeleton().offsets[_LEG].astype(np.float64)
    theirs = smpl_offsets() if motion.rest_joints is None else _offsets(motion.rest_joints)
    return float(np.linalg.norm(ours, axis=1).sum() / np.linalg.norm(theirs[_LEG], axis=1).sum())


def rest_pelvis(motion: SmplMotion) -> FloatArray:
    """Where the pelvis rests (3,), metres from the model's origin: this is added to `translation`."""
    return REST_PELVIS if motion.rest_joints is None else motion.rest_joints[0]


def _offsets(rest_joints: FloatArray) -> FloatArray:
    """Offsets (22, 3) of the body's joints from their parents, the pelvis's zero: it moves as it is."""
    joints = rest_joints[:BODY_JOINT_COUNT].astype(np.float64)
    return joints - joints[np.maximum(SMPLX_PARENTS[:BODY_JOINT_COUNT], 0)]
