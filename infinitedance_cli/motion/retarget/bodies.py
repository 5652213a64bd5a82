"""Clips of bodies with bones of their own, as capture measures them, on the bundled body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from infinitedance_cli.motion.clip import Body, MotionClip
from infinitedance_cli.motion.resample import require_smplx_joints
from infinitedance_cli.motion.retarget.retarget import RetargetOptions, retarget
from infinitedance_cli.motion.retarget.smpl import smpl_source
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton


def on_default_body(clip: MotionClip) -> MotionClip:
    """The same dance by `default_skeleton()`: every joint turned as in `clip`, paths in proportion to the legs, feet
    that stand solved anew.

    Nothing is smoothed, and the clip keeps its frames, its place and all that is known of it but `betas` and tokens.
    One on the default skeleton is given back as it is. Raises BadInput when its joints are not SMPL-X's.
    """
    require_smplx_joints(clip)
    skeleton = default_skeleton(clip.skeleton.joint_count)
    if clip.skeleton.matches(skeleton):
        return clip
    offsets = clip.skeleton.offsets[:BODY_JOINT_COUNT].astype(np.float64)
    # The root's position is the pelvis itself, not where a body model's origin is.
    offsets[0] = 0
    body = clip.joint_rotation[:, :BODY_JOINT_COUNT]
    source = smpl_source(clip.clip_id, clip.fps, clip.root_position.astype(np.float64), body, offsets)
    options = RetargetOptions(fps=clip.fps, cutoff_hz=0, despike=False, face_forward=False)
    ours = retarget(replace(source, y_is_up=True), options)
    joints = np.concatenate((ours.joint_rotation[:, :BODY_JOINT_COUNT], clip.joint_rotation[:, BODY_JOINT_COUNT:]), 1)
    return replace(
        clip,
        skeleton=skeleton,
        root_position=ours.root_position,
        joint_rotation=joints,
        body=clip.body and Body(expression=clip.body.expression, gender=clip.body.gender),
        tokens=None,
    )
