"""Clips as stretches of frames: cut out, laid end to end, taken in as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import FootContacts, MotionClip


def cut(clip: MotionClip, frames: slice) -> MotionClip:
    """Some frames of a clip: its motion and contacts."""
    contacts = clip.contacts
    return replace(
        clip,
        root_position=clip.root_position[frames],
        joint_rotation=clip.joint_rotation[frames],
        contacts=None if contacts is None else FootContacts(contacts.planted[frames], contacts.labels),
    )


def continued(last: NDArray[np.float32], rotations: NDArray[np.float32]) -> NDArray[np.float32]:
    """`rotations` (T, J, 4) with the signs that follow the quaternions `last` (J, 4) of the frame before."""
    same = np.sum(last * rotations[0], axis=-1, keepdims=True) >= 0
    return rotations * np.where(same, 1, -1).astype(np.float32)


def join(parts: Sequence[MotionClip]) -> MotionClip:
    """The motion of several clips laid end to end, with quaternions of one sign across the joins."""
    rotations = [parts[0].joint_rotation]
    for part in parts[1:]:
        rotations.append(continued(rotations[-1][-1], part.joint_rotation))
    planted = [part.contacts.planted for part in parts if part.contacts is not None]
    contacts = parts[0].contacts
    return replace(
        parts[0],
        root_position=np.concatenate([part.root_position for part in parts]),
        joint_rotation=np.concatenate(rotations),
        contacts=None if contacts is None else FootContacts(np.concatenate(planted), contacts.labels),
    )


class Reel:
    """The motion of a dance as it comes in, by the number of its frames; what is done with is let go."""

    def __init__(self) -> None:
        self._first = 0
        self._clip: MotionClip | None = None

    @property
    def stop(self) -> int:
        """Frames that came in."""
        return self._first + (0 if self._clip is None else self._clip.frames)

    def add(self, part: MotionClip) -> None:
        """Take in the frames that follow."""
        self._clip = part if self._clip is None else join([self._clip, part])

    def frames(self, first: int, stop: int) -> MotionClip:
        """Frames `first` to `stop`, some of which must be there."""
        assert self._clip is not None, "nothing came in yet"
        return cut(self._clip, slice(first - self._first, stop - self._first))

    def forget(self, before: int) -> None:
        """Let go of the frames before frame `before`; the last one stays."""
        gone = min(before, self.stop - 1) - self._first
        if gone > 0:
            self._clip, self._first = self.frames(self._first + gone, self.stop), self._first + gone
