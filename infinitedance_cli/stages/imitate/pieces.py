"""Long clips worked on piece by piece, so that what the work takes does not grow with the clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip

_LENGTH_S, _OVERLAP_S, _BLEND_S = 40.0, 5.0, 1.0


def in_pieces(clip: MotionClip, work: Callable[[MotionClip], MotionClip]) -> MotionClip:
    """`work` of a clip, which keeps its frames and looks at no more than some seconds of it at once.

    Clips longer than a piece are worked on in pieces that overlap; results go over into each other in the middle of the
    overlap.
    """
    length, overlap = round(_LENGTH_S * clip.fps), round(_OVERLAP_S * clip.fps)
    if clip.frames <= length + overlap:
        return work(clip)
    blend = max(1, round(_BLEND_S * clip.fps))
    rise = np.linspace(0, 1, blend + 2, dtype=np.float32)[1:-1]
    begins = range(0, clip.frames - 2 * overlap, length - overlap)
    piece = work(_part(clip, 0, length))
    root = np.empty((clip.frames, 3), np.float32)
    joints = np.empty((clip.frames, *piece.joint_rotation.shape[1:]), np.float32)
    root[:length], joints[:length] = piece.root_position, piece.joint_rotation
    for begin in begins[1:]:
        end = clip.frames if begin == begins[-1] else begin + length
        piece = work(_part(clip, begin, end))
        _join(root, joints, piece, begin, (overlap - blend) // 2, rise)
    return replace(piece, root_position=root, joint_rotation=joints)


def _part(clip: MotionClip, begin: int, end: int) -> MotionClip:
    """Frames of a clip, with nothing but their motion."""
    frames = slice(begin, end)
    bare = replace(clip, body=None, contacts=None, tokens=None, extra={}, music=None)
    return replace(bare, root_position=clip.root_position[frames], joint_rotation=clip.joint_rotation[frames])


def _join(
    root: NDArray[np.float32],
    joints: NDArray[np.float32],
    piece: MotionClip,
    begin: int,
    first: int,
    weight: NDArray[np.float32],
) -> None:
    """Write a piece that begins at a frame, from its frame `first` on; its first frames gain in `weight` (B,)."""
    both = slice(begin + first, begin + first + len(weight))
    mine, rest = slice(first, first + len(weight)), slice(first + len(weight), piece.frames)
    root[both] += weight[:, None] * (piece.root_position[mine] - root[both])
    share = np.repeat(weight[:, None], joints.shape[1], axis=1)
    joints[both] = rotation.slerp(joints[both], piece.joint_rotation[mine], share)
    root[both.stop : begin + piece.frames] = piece.root_position[rest]
    joints[both.stop : begin + piece.frames] = piece.joint_rotation[rest]
