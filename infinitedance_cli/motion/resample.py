"""Clips at another frame rate or with another number of joints."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import Dataset, FootContacts, Group, MotionClip
from infinitedance_cli.motion.kinematics import resample_times, sample_positions, sample_rotations
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, Skeleton, default_skeleton

logger = logging.getLogger(__name__)


def resample_clip(clip: MotionClip, fps: float) -> MotionClip:
    """The clip at `fps` frames a second: positions linearly, rotations by slerp, contacts by the nearest frame.

    Tokens, which count frames, and unknown groups that hold one row per frame are dropped, and the log says so; groups
    that state their own @fps, as `/capture` does, stay as they are.
    """
    if fps == clip.fps:
        return clip
    times = resample_times(clip.frames, clip.fps, fps)
    nearest = np.rint(times).astype(int)
    kept = {name: group for name, group in clip.extra.items() if not _is_per_frame(group, clip.frames)}
    lost = sorted(clip.extra.keys() - kept.keys()) + (["tokens"] if clip.tokens else [])
    if lost:
        logger.info("%s: %s dropped, which belong to %g fps", clip.clip_id, " and ".join(lost), clip.fps)
    body = clip.body
    if body is not None and body.expression is not None:
        body = replace(body, expression=sample_positions(body.expression, times))
    contacts = clip.contacts and FootContacts(clip.contacts.planted[nearest], clip.contacts.labels)
    return replace(
        clip,
        fps=float(fps),
        root_position=sample_positions(clip.root_position, times),
        joint_rotation=sample_rotations(clip.joint_rotation, times),
        body=body,
        contacts=contacts,
        tokens=None,
        extra=kept,
    )


def _is_per_frame(group: Group, frames: int) -> bool:
    return "fps" not in group.attributes and any(
        _is_per_frame(member, frames) if isinstance(member, Group) else _has_rows(member, frames)
        for member in group.members.values()
    )


def _has_rows(dataset: Dataset, frames: int) -> bool:
    return dataset.values.ndim > 0 and len(dataset.values) == frames


def with_joint_count(clip: MotionClip, count: int) -> MotionClip:
    """The clip with 22 joints (the body) or 55 (face and hands at rest where it had none), in SMPL-X order.

    Raises UsageError on another count, BadInput when the clip's joints are not SMPL-X's.
    """
    have = clip.skeleton.joint_count
    if count not in (BODY_JOINT_COUNT, len(SMPLX_JOINT_NAMES)):
        raise UsageError(f"a clip has 22 or 55 joints, not {count}")
    require_smplx_joints(clip)
    if have == count:
        return clip
    if have > count:
        return replace(clip, skeleton=clip.skeleton.first(count), joint_rotation=clip.joint_rotation[:, :count])
    added = default_skeleton(count)
    offsets = np.concatenate((clip.skeleton.offsets, added.offsets[have:]))
    rest = rotation.identity(clip.frames, count - have)
    return replace(
        clip,
        skeleton=Skeleton(added.joint_names, added.parents, offsets),
        joint_rotation=np.concatenate((clip.joint_rotation, rest), axis=1),
    )


def require_smplx_joints(clip: MotionClip) -> None:
    """Raises BadInput unless the clip has the 55 SMPL-X joints, or the first 22 of them."""
    names = clip.skeleton.joint_names
    if len(names) not in (BODY_JOINT_COUNT, len(SMPLX_JOINT_NAMES)) or names != SMPLX_JOINT_NAMES[: len(names)]:
        raise BadInput(
            f"clip {clip.clip_id}: its {len(names)} joints are not SMPL-X's (found {', '.join(names[:4])} …); "
            "expected 55 in SMPL-X order, or the first 22"
        )
