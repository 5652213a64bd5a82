"""From codes to a clip: decode, plant the feet, move the timing onto the beat, relax the hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import features_to_clip, layout_named
from infinitedance_cli.motion.footlock import lock_feet
from infinitedance_cli.motion.ground import ground
from infinitedance_cli.motion.retarget.hands import relaxed_hands
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.motion.warp import align_to_beats
from infinitedance_cli.stages.generate.config import FinishConfig

FPS = 30.0


def decode_codes(tokenizer: Tokenizer, codes: NDArray[np.integer], frames: int, clip_id: str) -> MotionClip:
    """The motion (frames frames) of codes (S, Q), as the network gives it; decoded in windows of constant memory."""
    device = next(tokenizer.parameters()).device
    rows = torch.from_numpy(codes.astype(np.int64)).to(device)[None]
    with torch.inference_mode():
        features = np.concatenate([piece[0].cpu().numpy() for piece in tokenizer.decode_windowed(rows)])
    return features_to_clip(features[:frames], layout_named(tokenizer.config.layout), clip_id=clip_id, fps=FPS)


def finish(clip: MotionClip, beats_s: NDArray[np.float64], config: FinishConfig) -> MotionClip:
    """Hovering taken out, feet planted, then timing moved onto the beats (B,) seconds, hands relaxed; as long as before."""
    if config.ground:
        clip = ground(clip, config.flight)
    if config.lock_feet:
        clip = lock_feet(clip, config=config.feet)
    if config.align_beats and len(beats_s) > 1:
        clip = align_to_beats(clip, beats_s * clip.fps, config.beats)
    return with_relaxed_hands(replace(clip, tokens=None))


def with_relaxed_hands(clip: MotionClip) -> MotionClip:
    """The clip with both hands at ease: the model dances the body only."""
    joints = clip.joint_rotation.copy()
    for side, rotations in relaxed_hands().items():
        first = SMPLX_JOINT_NAMES.index(f"{side}_index1")
        joints[:, first : first + len(rotations)] = rotations
    return replace(clip, joint_rotation=joints)
