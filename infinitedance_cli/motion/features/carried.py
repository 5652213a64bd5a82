"""Features that a clip carries beside its motion, because rotations on bones of fixed length cannot hold them.

What a network decodes, or a file of features holds, keeps no bone length. The clip is the nearest motion of a body; the
rows themselves travel along in the group `/features`, for formats that hold joint positions or features. They count
only as long as the motion is the one that they were put beside: whatever changes it, leaves them behind.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import Dataset, Group, MotionClip
from infinitedance_cli.motion.features.layout import FeatureLayout
from infinitedance_cli.motion.features.trajectory import features_to_joints
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT

GROUP = "features"


def carry_features(clip: MotionClip, rows: NDArray[np.floating], layout: FeatureLayout) -> MotionClip:
    """The clip with the feature rows (T, D) that its motion was made from."""
    dataset = Dataset(np.asarray(rows, np.float32), {"units": "as the layout says"})
    group = Group({"rows": dataset}, {"layout": layout.name, "motion_sha256": _motion_sha256(clip)})
    return replace(clip, extra={**clip.extra, GROUP: group})


def carried_features(clip: MotionClip, layout: FeatureLayout) -> NDArray[np.float32] | None:
    """The rows (T, D) of this layout that the clip carries, None without any or when its body moves otherwise."""
    group = clip.extra.get(GROUP)
    rows = group.members.get("rows") if group else None
    if group is None or not isinstance(rows, Dataset) or group.attributes.get("layout") != layout.name:
        return None
    if rows.values.shape != (clip.frames, layout.size) or group.attributes["motion_sha256"] != _motion_sha256(clip):
        return None
    return rows.values


def carried_joints(clip: MotionClip, layout: FeatureLayout) -> NDArray[np.float32] | None:
    """Joint positions (T, 22, 3), metres, of the rows that the clip carries; None as `carried_features`."""
    rows = carried_features(clip, layout)
    return None if rows is None else features_to_joints(rows, layout)


def _motion_sha256(clip: MotionClip) -> str:
    """Of the path and the body: face and hands say nothing about the features."""
    found = hashlib.sha256(repr(clip.fps).encode())
    for values in (clip.root_position, clip.joint_rotation[:, :BODY_JOINT_COUNT]):
        found.update(np.ascontiguousarray(values, np.float32).tobytes())
    return found.hexdigest()
