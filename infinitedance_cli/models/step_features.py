"""Clips by the steps of a tokeniser: the codes of each step, and what the retriever sees of the motion there."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.tokenizer import WINDOW_STEPS, Tokenizer
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import clip_to_features, layout_named
from infinitedance_cli.motion.resample import resample_clip
from infinitedance_cli.motion.retarget import on_default_body
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton

logger = logging.getLogger(__name__)

FPS = 30.0
"""Frame rate that the networks know."""


@dataclass(frozen=True)
class StepFeatures:
    """`codes` (S, Q) int16, `motion` (S, D) float32, the z-scored features averaged over each step, and `movement`
    (S, 2) float32: by how many radians the heading changes in it, and the mean joint speed, m/s."""

    codes: NDArray[np.int16]
    motion: NDArray[np.float32]
    movement: NDArray[np.float32]


def for_networks(clip: MotionClip) -> MotionClip:
    """The clip as networks know motion, on the default skeleton at 30 fps; says so in the log where that changes it.

    Raises BadInput when its joints are not SMPL-X's.
    """
    ours = on_default_body(clip)
    if ours is not clip:
        logger.info("%s: put on the default skeleton, its own bones have other lengths", clip.clip_id)
    if ours.fps != FPS:
        logger.info("%s: resampled from %g to %g fps", clip.clip_id, clip.fps, FPS)
        ours = resample_clip(ours, FPS)
    return ours


def require_body(clip: MotionClip) -> None:
    """Raise BadInput unless the clip's body is the default skeleton at 30 fps."""
    body = default_skeleton(BODY_JOINT_COUNT)
    if clip.fps == FPS and clip.skeleton.first(BODY_JOINT_COUNT).matches(body):
        return
    bones = "" if clip.skeleton.joint_names[:BODY_JOINT_COUNT] != body.joint_names else " of other bone lengths"
    raise BadInput(
        f"clip {clip.clip_id}: {clip.skeleton.joint_count} joints{bones if clip.fps == FPS else ''} at {clip.fps:g} "
        "fps; expected the default skeleton at 30 fps: make it with `idance convert --retarget --fps 30`"
    )


def body_features(clip: MotionClip, layout: str) -> NDArray[np.float32]:
    """Feature rows (T-1, D) of a clip of T frames; raises BadInput as `require_body`, and with fewer than 2 frames."""
    require_body(clip)
    if clip.frames < 2:
        raise BadInput(f"clip {clip.clip_id}: it has one frame; features need 2 or more")
    return clip_to_features(clip, layout_named(layout))


def prolonged(clip: MotionClip, frames: int) -> MotionClip:
    """Motion of at least `frames` frames: after its end it goes on at the speed of its last two frames.

    Only root and joints are prolonged; the clip needs two frames or more.
    """
    added = np.arange(1, frames - clip.frames + 1)
    if len(added) == 0:
        return clip
    step = clip.root_position[-1] - clip.root_position[-2]
    root = clip.root_position[-1] + added[:, None] * step
    before, last = clip.joint_rotation[-2:]
    turned = rotation.to_axis_angle(rotation.multiply(rotation.inverse(before), last))
    joints = rotation.multiply(last[None], rotation.from_axis_angle(added[:, None, None] * turned))
    return replace(
        clip,
        root_position=np.concatenate((clip.root_position, root)).astype(np.float32),
        joint_rotation=np.concatenate((clip.joint_rotation, rotation.normalize(joints))).astype(np.float32),
        contacts=None,
        body=None,
    )


def encode_features(
    features: NDArray[np.float32], tokenizer: Tokenizer, refine: int = 0, window: int = WINDOW_STEPS
) -> NDArray[np.int16]:
    """Codes (⌊T/4⌋, Q) of feature rows (T, D), window by window; `refine` as in `Tokenizer.encode`."""
    batch = torch.from_numpy(features)[None]
    pieces = [codes[0].cpu().numpy() for codes in tokenizer.encode_windowed(batch, refine, window)]
    if not pieces:
        return np.zeros((0, tokenizer.config.network.codebooks), np.int16)
    return np.concatenate(pieces).astype(np.int16)


def decode_codes(codes: NDArray[np.integer], tokenizer: Tokenizer, window: int = WINDOW_STEPS) -> NDArray[np.float32]:
    """Feature rows (4S, D) of codes (S, Q), S ≥ 1, window by window."""
    batch = torch.from_numpy(codes.astype(np.int64))[None].to(tokenizer.mean.device)
    return np.concatenate([rows[0].cpu().numpy() for rows in tokenizer.decode_windowed(batch, window)])


def step_features(clip: MotionClip, tokenizer: Tokenizer, codes: NDArray[np.int16] | None = None) -> StepFeatures:
    """The full steps of a clip; `codes` (≥ S, Q) are taken instead of encoding it where they are given.

    Raises BadInput as `body_features`.
    """
    features = body_features(clip, tokenizer.config.layout)
    if codes is None:
        codes = encode_features(features, tokenizer)
    steps, stride = min(len(codes), len(features) // tokenizer.stride), tokenizer.stride
    rows = torch.from_numpy(features[: steps * stride]).to(tokenizer.mean.device)
    motion = tokenizer.normalise(rows).unflatten(0, (steps, stride)).mean(1)
    movement = _movement(features[: steps * stride].reshape(steps, stride, features.shape[1]), tokenizer.config.layout)
    return StepFeatures(codes[:steps], motion.cpu().numpy(), movement)


def _movement(features: NDArray[np.float32], layout: str) -> NDArray[np.float32]:
    """Turn, radians, and mean joint speed, m/s, (S, 2) of feature rows (S, stride, D)."""
    named = layout_named(layout)
    half_turns, velocity = features[..., named.block("yaw_velocity")], features[..., named.block("joint_velocity")]
    speed = np.linalg.norm(velocity.reshape(*velocity.shape[:2], BODY_JOINT_COUNT, 3), axis=-1).mean((1, 2)) * FPS
    return np.stack((2 * half_turns.sum((1, 2)), speed), axis=1)


def tokens_that_fit(clip: MotionClip, codebook_sha256: str) -> NDArray[np.int16] | None:
    """The clip's own codes, where it has some and they are of this codebook and of all its frames; otherwise None."""
    tokens = clip.tokens
    if tokens is None or tokens.codebook_sha256 != codebook_sha256:
        return None
    return tokens.codes if (len(tokens.codes) + 1) * tokens.stride_frames > clip.frames else None
