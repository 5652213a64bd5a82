"""Clips with another frame rate, joint count or name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.resample import resample_clip, with_joint_count
from infinitedance_cli.motion.retarget import on_default_body
from infinitedance_cli.stages.convert.config import ConvertConfig


def convert(clips: Iterable[MotionClip], config: ConvertConfig) -> Iterator[MotionClip]:
    """Each clip as `config` asks. A clip that needs no change passes as it is, without a provenance record.

    Raises BadInput when `joints` or `retarget` is asked of a clip whose joints are not SMPL-X's.
    """
    for number, clip in enumerate(clips):
        changes: dict[str, float | int] = {}
        changed = on_default_body(clip) if config.retarget else clip
        if changed is not clip:
            changes["retarget"] = True
        if config.joints is not None and config.joints != clip.skeleton.joint_count:
            changed = with_joint_count(changed, config.joints)
            changes["joints"] = config.joints
        if config.fps is not None and config.fps != clip.fps:
            changed = resample_clip(changed, config.fps)
            changes["fps"] = config.fps
        if config.clip_id is not None:
            changed = replace(changed, clip_id=config.clip_id if number == 0 else f"{config.clip_id}_{number:02d}")
        yield changed.with_provenance("convert", config=changes) if changes else changed
