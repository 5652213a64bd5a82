"""Motion clips with tokens, and tokens back to motion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.step_features import (
    FPS,
    body_features,
    decode_codes,
    encode_features,
    for_networks,
    prolonged,
)
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import Body, MotionClip, Tokens
from infinitedance_cli.motion.features import clip_placement, features_to_clip, layout_named
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, default_skeleton
from infinitedance_cli.stages.tokenize.config import TokenizeConfig


def tokenize(clips: Iterable[MotionClip], tokenizer: Tokenizer, config: TokenizeConfig) -> Iterator[MotionClip]:
    """Each clip with its tokens, one row for every `tokenizer.stride` frames, the last one begun counting as whole.

    A clip of other bone lengths is put on the default skeleton first, one at another frame rate is brought to 30 fps.
    Raises BadInput when a clip's joints are not SMPL-X's or it has one frame only.
    """
    sha256 = tokenizer.codebook_sha256
    for clip in clips:
        clip = for_networks(clip)
        codes = encode_features(covering_features(clip, tokenizer), tokenizer, config.refine, config.window_steps)
        marked = clip.with_provenance("tokenize", config={"refine": config.refine}, codebook_sha256=sha256)
        yield replace(marked, tokens=Tokens(codes, tokenizer.stride, sha256))


def detokenize(clips: Iterable[MotionClip], tokenizer: Tokenizer, config: TokenizeConfig) -> Iterator[MotionClip]:
    """Each clip with the motion that its tokens stand for, starting where the clip starts and as long as it is.

    Face and hands, of which tokens say nothing, stay as they are; contacts, which belong to the old motion, are
    dropped; all else is kept. Raises BadInput as `tokens_of`.
    """
    sha256 = tokenizer.codebook_sha256
    for clip in clips:
        codes = tokens_of(clip, tokenizer, sha256)
        features = decode_codes(codes, tokenizer, config.window_steps)[: clip.frames]
        hands = clip.skeleton.joint_names == SMPLX_JOINT_NAMES
        decoded = features_to_clip(
            features,
            layout_named(tokenizer.config.layout),
            default_skeleton(len(SMPLX_JOINT_NAMES) if hands else BODY_JOINT_COUNT),
            clip_id=clip.clip_id,
            fps=FPS,
            placement=clip_placement(clip),
        )
        joints = decoded.joint_rotation
        if hands:
            joints[:, BODY_JOINT_COUNT:] = clip.joint_rotation[: len(joints), BODY_JOINT_COUNT:]
        result = replace(
            clip,
            skeleton=decoded.skeleton,
            root_position=decoded.root_position,
            joint_rotation=joints,
            body=_cut(clip.body, len(joints)),
            contacts=None,
        )
        yield result.with_provenance("detokenize", codebook_sha256=sha256)


def covering_features(clip: MotionClip, tokenizer: Tokenizer) -> NDArray[np.float32]:
    """Feature rows (4S, D) of a clip of T frames with 4S ≥ T: motion goes on for the frames that are missing."""
    steps = -(-clip.frames // tokenizer.stride)
    if clip.frames < 2:
        raise BadInput(f"clip {clip.clip_id}: it has one frame; tokens need 2 or more")
    # One frame more than rows: features describe steps between frames.
    return body_features(prolonged(clip, steps * tokenizer.stride + 1), tokenizer.config.layout)


def tokens_of(clip: MotionClip, tokenizer: Tokenizer, sha256: str) -> NDArray[np.int16]:
    """The codes (S, Q) of a clip; raises BadInput when it has none, or none that this tokeniser can read."""
    tokens, network, name = clip.tokens, tokenizer.config.network, f"clip {clip.clip_id}"
    if tokens is None or len(tokens.codes) == 0:
        raise BadInput(f"{name}: it has no tokens to decode; make them with `idance tokenize`")
    if tokens.codebook_sha256 != sha256:
        raise BadInput(
            f"{name}: its tokens belong to the codebook {tokens.codebook_sha256[:12]}…, this tokenizer has "
            f"{sha256[:12]}…; give --tokenizer the one that made them"
        )
    codes = tokens.codes
    if tokens.stride_frames != tokenizer.stride or clip.fps != FPS:
        raise BadInput(
            f"{name}: {tokens.stride_frames} frames a token at {clip.fps:g} fps; this tokenizer has "
            f"{tokenizer.stride} at {FPS:g} fps: tokenise the clip again"
        )
    if codes.shape[1] != network.codebooks or codes.min() < 0 or codes.max() >= network.codebook_size:
        raise BadInput(
            f"{name}: codes {codes.shape} from {codes.min()} to {codes.max()}; expected {network.codebooks} columns "
            f"from 0 to {network.codebook_size - 1}"
        )
    return codes


def _cut(body: Body | None, frames: int) -> Body | None:
    if body is None or body.expression is None:
        return body
    return replace(body, expression=body.expression[:frames])
