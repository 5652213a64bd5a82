"""From a foreign skeleton to ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.retarget.calibrate import Calibration, calibrate
from infinitedance_cli.motion.retarget.canonical import RoleMotion, to_roles
from infinitedance_cli.motion.retarget.filters import (
    despike_positions,
    despike_rotations,
    gaussian,
    limit_speed,
    smooth_rotations,
)
from infinitedance_cli.motion.retarget.solve import solve
from infinitedance_cli.motion.retarget.source import SourceMotion
from infinitedance_cli.motion.skeleton import Skeleton, default_skeleton

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RetargetOptions:
    """What retargeting does beside moving the pose.

    `fps` of the result; `speed_limit` rad/s for every joint; `smoothing` Gaussian sigma in frames of the result
    (0 switches it off); `despike` repairs single bad frames; `face_forward` turns the clip so that the first frame
    faces +Z and stands over the origin.
    """

    fps: float = 30.0
    speed_limit: float = 20.0
    smoothing: float = 0.5
    despike: bool = True
    face_forward: bool = True


def retarget(
    source: SourceMotion, options: RetargetOptions | None = None, calibration: Calibration | None = None
) -> MotionClip:
    """`source` on `default_skeleton()`: 30 fps, y up, the first frame facing +Z over the origin, feet on the floor.

    `calibration` from `calibrate_sources` of clips of the same rig steadies what one short clip cannot tell. Raises
    BadInput where the skeleton is no human body.
    """
    options = options or RetargetOptions()
    skeleton = default_skeleton()
    motion = to_roles(source, skeleton, options.fps)
    if calibration is None:
        calibration = calibrate([motion], skeleton)
    root, local = solve(motion, calibration, skeleton)
    root, local = clean(root, local, options)
    if options.face_forward:
        root, local = face_forward(root, local)
    full = np.concatenate((local, _hands(motion, skeleton)), axis=1)
    return MotionClip(
        clip_id=source.clip_id,
        skeleton=skeleton,
        fps=options.fps,
        root_position=root.astype(np.float32),
        joint_rotation=rotation.normalize(full).astype(np.float32),
    )


def calibrate_sources(sources: Sequence[SourceMotion], fps: float = 30.0) -> Calibration:
    """One calibration for clips of the same rig; see `calibrate`."""
    skeleton = default_skeleton()
    return calibrate([to_roles(source, skeleton, fps) for source in sources], skeleton)


def clean(root: Array, local: Array, options: RetargetOptions) -> tuple[Array, Array]:
    """Spikes out, smoothed, within the speed limit: root positions (T, 3) and local rotations (T, J, 4)."""
    if options.despike:
        root, local = despike_positions(root), despike_rotations(local, options.fps)
    if options.smoothing > 0:
        root, local = gaussian(root, options.smoothing), smooth_rotations(local, options.smoothing)
    return root, limit_speed(local, options.fps, options.speed_limit)


def face_forward(root: Array, local: Array) -> tuple[Array, Array]:
    """The clip turned about y and moved so that its first frame faces +Z with the root over the origin."""
    turn = rotation.about_axis("y", -rotation.heading(local[0, 0]))
    root = rotation.rotate(turn, root - root[0] * np.array([1.0, 0.0, 1.0]))
    local = local.copy()
    local[:, 0] = rotation.multiply(np.broadcast_to(turn, local[:, 0].shape), local[:, 0])
    return root, local


def _hands(motion: RoleMotion, skeleton: Skeleton) -> Array:
    return np.repeat(rotation.identity(skeleton.joint_count - 22)[None].astype(float), motion.frames, axis=0)
