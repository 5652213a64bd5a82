"""From codes to a clip: decode, take out hovering, plant the feet, move the timing onto the beat, relax the hands.

Everything works piece by piece: an hour of dance needs little more memory than a minute, beside the clip itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.models.tokenizer import WINDOW_STEPS, Tokenizer
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.beats import kinematic_beats
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import Placement, carry_features, features_to_clip, layout_named
from infinitedance_cli.motion.features.trajectory import decode_angles
from infinitedance_cli.motion.foot_memory import FootMemory
from infinitedance_cli.motion.footlock import lock_feet
from infinitedance_cli.motion.ground import ground
from infinitedance_cli.motion.retarget.hands import relaxed_hands
from infinitedance_cli.motion.sequence import cut, join
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, default_skeleton
from infinitedance_cli.motion.stance import carry_by_stance
from infinitedance_cli.motion.warp import BeatWarp, beat_warp, warp_times
from infinitedance_cli.stages.generate.config import FinishConfig
from infinitedance_cli.stages.generate.pieces import PIECE_FRAMES, pieces

FPS = 30.0

_PLANT_MARGIN = 300
"""Frames around a piece that planting reads: its smoothing forgets within a few dozen."""
_SPLINE_MARGIN = 64
"""Frames around a piece that a cubic spline reads: a sample's weight falls fourfold from one frame to the next."""


def decode_codes(tokenizer: Tokenizer, codes: NDArray[np.integer], frames: int, clip_id: str) -> MotionClip:
    """The first `frames` frames of motion of codes (S, Q) as the network gives it: the 22 joints of the body."""
    return cut(join(list(decoded_parts(tokenizer, [codes], WINDOW_STEPS, clip_id))), slice(0, frames))


def with_decoded_features(clip: MotionClip, tokenizer: Tokenizer, codes: NDArray[np.integer]) -> MotionClip:
    """The clip of codes (S, Q) with the features that they are decoded to, as they are: the release's joints."""
    rows = np.concatenate(list(_decoded(tokenizer, [codes], WINDOW_STEPS)))[: clip.frames]
    return carry_features(clip, rows, layout_named(tokenizer.config.layout))


def decoded_parts(
    tokenizer: Tokenizer, codes: Iterable[NDArray[np.integer]], window: int, clip_id: str
) -> Iterator[MotionClip]:
    """Motion of codes (n, Q) that come in parts of any length, `window` steps at a time; each part goes on where the
    one before it ended.
    """
    layout, body = layout_named(tokenizer.config.layout), default_skeleton(BODY_JOINT_COUNT)
    start = Placement()
    for rows in _decoded(tokenizer, codes, window):
        # One row more, whatever it holds: where the next part begins follows from the velocities of the last row.
        features = rows[[*range(len(rows)), -1]]
        part = features_to_clip(features, layout, body, clip_id=clip_id, fps=FPS, placement=start)
        heading = start.heading - float(decode_angles(features, layout)[-1])
        start = Placement(float(part.root_position[-1, 0]), float(part.root_position[-1, 2]), heading)
        yield cut(part, slice(0, -1))


def _decoded(tokenizer: Tokenizer, codes: Iterable[NDArray[np.integer]], window: int) -> Iterator[NDArray[np.float32]]:
    device = next(tokenizer.parameters()).device
    rows = (torch.from_numpy(part.astype(np.int64)).to(device)[None] for part in codes)
    for features in tokenizer.decode_parts(rows, window):
        yield features[0].cpu().numpy()


def finish(clip: MotionClip, beats_s: NDArray[np.float64], config: FinishConfig) -> MotionClip:
    """Hovering taken out, feet planted, timing moved onto the beats (B,) seconds, hands relaxed; as long as before."""
    clip = plant_in_pieces(clip, config)
    if config.align_beats and len(beats_s) > 1:
        clip = align_in_pieces(clip, beats_s * clip.fps, config.beats)
    return with_relaxed_hands(clip)


def plant_in_pieces(clip: MotionClip, config: FinishConfig, length: int = PIECE_FRAMES) -> MotionClip:
    """`ground` and `lock_feet`, piece by piece: as they change the path, each begins where the one before it ended."""
    parts: list[MotionClip] = []
    follow = None
    for piece in pieces(clip.frames, _PLANT_MARGIN, length):
        planted = plant(cut(clip, slice(piece.first, piece.stop)), config)
        root = planted.root_position
        if follow is not None:
            root = root + (follow - root[piece.start - piece.first]) * np.array([1, 0, 1], np.float32)
        follow = root[piece.end - piece.first] if piece.end < clip.frames else None
        parts.append(cut(replace(planted, root_position=root), piece.kept))
    return join(parts)


def plant(clip: MotionClip, config: FinishConfig, memory: FootMemory | None = None) -> MotionClip:
    """`ground`, `carry_by_stance` and `lock_feet`, as far as the settings ask for them."""
    if config.ground:
        clip = ground(clip, config.flight)
    if config.carry_by_stance:
        clip = carry_by_stance(clip, config.stance)
    return lock_feet(clip, config=config.feet, memory=memory) if config.lock_feet else clip


def align_in_pieces(
    clip: MotionClip, beats: NDArray[np.float64], config: BeatWarp, length: int = PIECE_FRAMES
) -> MotionClip:
    """The clip with its kinematic beats moved towards the music's `beats` (B,), frames: `align_to_beats` in pieces.

    The timing is searched for over the whole dance, which is cheap; the motion is read at it piece by piece.
    """
    times = beat_warp(clip.frames, kinematic_beats(clip.joint_positions()), beats, config)
    parts = []
    for piece in pieces(clip.frames, 0, length):
        wanted = times[piece.start : piece.end]
        first = max(int(wanted[0]) - _SPLINE_MARGIN, 0)
        stop = min(int(wanted[-1]) + _SPLINE_MARGIN, clip.frames)
        parts.append(warp_times(cut(clip, slice(first, stop)), wanted - first))
    return join(parts)


def with_relaxed_hands(clip: MotionClip) -> MotionClip:
    """The clip on the whole skeleton with both hands at ease: the model dances the body only."""
    skeleton = default_skeleton()
    joints = rotation.identity(clip.frames, skeleton.joint_count)
    joints[:, :BODY_JOINT_COUNT] = clip.joint_rotation[:, :BODY_JOINT_COUNT]
    for side, rotations in relaxed_hands().items():
        first = SMPLX_JOINT_NAMES.index(f"{side}_index1")
        joints[:, first : first + len(rotations)] = rotations
    return replace(clip, skeleton=skeleton, joint_rotation=joints)
