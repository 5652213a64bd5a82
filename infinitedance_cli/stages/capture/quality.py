"""How good a captured clip is, in figures that need no truth; written into `/capture` as attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import Attributes, MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS, clip_contacts, intervals
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.capture.annotations import array_of, camera_of, captured

_SEEN = 0.5
_HAND_JOINTS = slice(25, 55)
_FACE_JOINT = 22
# Joints whose place in the picture a landmark tells, and that landmark: limbs, not hips or shoulders, which lie deeper.
_JUDGED = {18: 13, 19: 14, 20: 15, 21: 16, 4: 25, 5: 26, 7: 27, 8: 28}

FloatArray = NDArray[np.floating[Any]]


def quality_figures(clip: MotionClip) -> Attributes:
    """Figures of a clip with the group `/capture`:

    - `reprojection_px`: mean distance of elbows, wrists, knees and ankles, as the camera sees them, from the landmarks
    - `visible_share`, `hands_share`, `face_share`: frames in which the body's joints (mean), hands and face were seen
    - `filled_frames`: frames in which nobody was seen, filled in
    - `jitter_m_s3`: mean jerk of the body's joints; `foot_slide_cm_s`: mean speed over the floor of planted feet
    - `floor_penetration_cm`: how far the lowest joint is below the floor, in the worst of 100 frames
    - `longest_still_s`: longest time without a movement faster than 2 cm/s
    """
    positions = clip.joint_positions()[:, :BODY_JOINT_COUNT].astype(np.float64)
    figures: dict[str, str | int | float | bool] = dict(_seen(clip))
    reprojection = _reprojection(clip)
    if reprojection is not None and "reprojection_px" not in captured(clip).attributes:
        figures["reprojection_px"] = reprojection
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=-1) * clip.fps
    jerk = np.linalg.norm(np.diff(positions, n=3, axis=0), axis=-1) * clip.fps**3
    still = intervals(speed.max(axis=1) < 0.02) if len(speed) else []
    lowest = positions[..., 1].min(axis=1)
    figures |= {
        "jitter_m_s3": float(jerk.mean()) if jerk.size else 0.0,
        "foot_slide_cm_s": _foot_slide(clip, positions),
        "floor_penetration_cm": 100 * max(-float(np.percentile(lowest, 1)), 0.0),
        "longest_still_s": max((end - start for start, end in still), default=0) / clip.fps,
    }
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}


def _seen(clip: MotionClip) -> Attributes:
    confidence = array_of(captured(clip), "confidence")
    if confidence is None or len(confidence) != clip.frames:
        return {}
    body = confidence[:, :BODY_JOINT_COUNT] >= _SEEN
    figures: dict[str, str | int | float | bool] = {
        "visible_share": float(body.mean()),
        "filled_frames": int((confidence[:, :BODY_JOINT_COUNT] <= 0).all(axis=1).sum()),
    }
    if confidence.shape[1] > BODY_JOINT_COUNT:
        figures["hands_share"] = float((confidence[:, _HAND_JOINTS] >= _SEEN).mean())
        figures["face_share"] = float((confidence[:, _FACE_JOINT] >= _SEEN).mean())
    return figures


def _reprojection(clip: MotionClip) -> float | None:
    points, camera = array_of(captured(clip), "keypoints2d"), camera_of(clip)
    if points is None or camera is None or len(points) != clip.frames or points.shape[1] < 33:
        return None
    pixels = camera.project(clip.joint_positions()[:, list(_JUDGED)])
    seen = points[:, list(_JUDGED.values())]
    distance = np.where(seen[..., 2] >= _SEEN, np.linalg.norm(pixels - seen[..., :2], axis=-1), np.nan)
    return float(np.nanmean(distance)) if np.isfinite(distance).any() else None


def _foot_slide(clip: MotionClip, positions: FloatArray) -> float:
    planted = clip_contacts(clip).planted
    both = planted[1:] & planted[:-1]
    step = np.linalg.norm(np.diff(positions[:, list(FOOT_JOINTS)][..., [0, 2]], axis=0), axis=-1)
    return float(step[both].mean() * clip.fps * 100) if both.any() else 0.0
