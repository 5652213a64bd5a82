"""Clips whose feet stand: the Foot Restoration Diffusion Model over a stream of motion."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from infinitedance_cli.config import to_dict
from infinitedance_cli.models.foot_restorer import FootRestorer
from infinitedance_cli.models.foot_restorer_sampling import restore_columns
from infinitedance_cli.models.step_features import FPS
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.resample import require_smplx_joints, resample_clip
from infinitedance_cli.motion.shaking import ShakingRule, without_shaking
from infinitedance_cli.stages.restore_feet.config import RestoreFeetConfig
from infinitedance_cli.stages.restore_feet.observe import observe
from infinitedance_cli.stages.restore_feet.rebuild import rebuild

logger = logging.getLogger(__name__)

_SHAKING = ShakingRule(rounds=3, least_movement=0.02)
"""More thorough than in training, whose windows seldom show a body that stands nearly still."""
LEAST_FRAMES = 8
"""Shorter clips pass as they are: nobody can tell what their feet do."""


def restore_feet(clips: Iterable[MotionClip], model: FootRestorer, config: RestoreFeetConfig) -> Iterator[MotionClip]:
    """Each clip with its root's position and the rotations of hips, knees and ankles restored, and its contacts set.

    Everything else comes out bit by bit as it came in; tokens, which tell the old motion, are dropped. A clip at
    another frame rate is brought to 30 fps first. Raises BadInput when the joints are not SMPL-X's or the units are
    not metres.
    """
    for clip in clips:
        yield restore_clip(clip, model, config)


def restore_clip(clip: MotionClip, model: FootRestorer, config: RestoreFeetConfig) -> MotionClip:
    """One clip; see `restore_feet`."""
    require_smplx_joints(clip)
    if clip.fps != FPS:
        logger.info("%s: brought from %g to %g fps", clip.clip_id, clip.fps, FPS)
        clip = resample_clip(clip, FPS)
    if clip.frames < LEAST_FRAMES:
        logger.warning("%s: %d frames are too few to restore; passed as it is", clip.clip_id, clip.frames)
        return clip
    steady = steadied(clip) if config.steady else clip
    seen = observe(steady)
    restored = restore_columns(model, seen.features, config.sampling, config.seed)
    result = rebuild(steady, seen, restored, config)
    moved = np.linalg.norm(result.root_position - clip.root_position, axis=-1)
    logger.info(
        "%s: slides %.0f %%, off its height %.0f %%, the root moved by %.1f cm in the mean",
        clip.clip_id,
        *(100 * float(share) for share in restored.damaged.mean(axis=0)),
        100 * float(moved.mean()),
    )
    if result is not clip:
        result = replace(result, tokens=None)
    return result.with_provenance("restore-feet", config=to_dict(config), seed=config.seed)


def steadied(clip: MotionClip) -> MotionClip:
    """The clip without the shaking of root and legs; itself if nothing shakes."""
    root, joints = without_shaking(clip.skeleton, clip.root_position, clip.joint_rotation, clip.fps, _SHAKING)
    if root is clip.root_position and joints is clip.joint_rotation:
        return clip
    return replace(clip, root_position=root, joint_rotation=joints)
