"""Long clips changed piece by piece, so that memory hardly grows with their length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from infinitedance_cli.motion.clip import FootContacts, MotionClip

PIECE_FRAMES = 3600
"""Two minutes: long enough that few clips have more than one piece."""


@dataclass(frozen=True)
class Piece:
    """Frames `start` to `end` that are kept, inside frames `first` to `stop` that are read for them."""

    start: int
    end: int
    first: int
    stop: int

    @property
    def kept(self) -> slice:
        """The kept frames among those that are read."""
        return slice(self.start - self.first, self.end - self.first)


def pieces(frames: int, margin: int, length: int = PIECE_FRAMES) -> Iterator[Piece]:
    """Pieces that cover `frames` frames once, each read with up to `margin` frames on both sides."""
    for start in range(0, frames, length):
        end = min(start + length, frames)
        yield Piece(start, end, max(start - margin, 0), min(end + margin, frames))


def cut(clip: MotionClip, frames: slice) -> MotionClip:
    """Some frames of a clip: its motion and contacts."""
    contacts = clip.contacts
    return replace(
        clip,
        root_position=clip.root_position[frames],
        joint_rotation=clip.joint_rotation[frames],
        contacts=None if contacts is None else FootContacts(contacts.planted[frames], contacts.labels),
    )


def join(parts: Sequence[MotionClip]) -> MotionClip:
    """The motion of several clips laid end to end, with quaternions of one sign across the joins."""
    rotations = [parts[0].joint_rotation]
    for part in parts[1:]:
        same = np.sum(rotations[-1][-1] * part.joint_rotation[0], axis=-1, keepdims=True) >= 0
        rotations.append(part.joint_rotation * np.where(same, 1, -1).astype(np.float32))
    planted = [part.contacts.planted for part in parts if part.contacts is not None]
    contacts = parts[0].contacts
    return replace(
        parts[0],
        root_position=np.concatenate([part.root_position for part in parts]),
        joint_rotation=np.concatenate(rotations),
        contacts=None if contacts is None else FootContacts(np.concatenate(planted), contacts.labels),
    )
