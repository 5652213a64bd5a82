"""Codes in parts → motion in parts: `finish.decode_codes` and `finish.finish` for a dance that has no end yet.

Each step takes as many frames as it needs beyond those that it gives out, and no more, so a part leaves as soon as it
is settled. What was given out is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import FootContacts, MotionClip
from infinitedance_cli.motion.foot_memory import FootMemory
from infinitedance_cli.motion.running_warp import RunningBeats
from infinitedance_cli.motion.sequence import Reel, continued, cut
from infinitedance_cli.motion.warp import warp_times
from infinitedance_cli.stages.generate.config import FinishConfig
from infinitedance_cli.stages.generate.finish import decoded_parts, plant, with_relaxed_hands
from infinitedance_cli.stages.generate.streamed_config import OverlapConfig

BeatsAt = Callable[[], NDArray[np.float64]]
"""Beats (B,) of the music, frames, that are known by now: at least those around the motion that is being timed."""
_SPLINE_MARGIN = 16
"""Frames around what a cubic spline reads: a sample's weight falls fourfold from one frame to the next."""


@dataclass(frozen=True)
class MotionStream:
    """How codes become motion while more of them come.

    frames: says how long the dance is, once its codes have ended; they may cover up to a step more.
    """

    tokenizer: Tokenizer
    finish: FinishConfig
    overlap: OverlapConfig
    beats: BeatsAt
    frames: Callable[[], int]
    clip_id: str

    def motion(self, codes: Iterable[NDArray[np.integer]]) -> Iterator[MotionClip]:
        """The dance of codes (n, Q) in parts: consecutive clips, each going on where the one before it ended."""
        parts = decoded_parts(self.tokenizer, codes, self.overlap.decoded_steps, self.clip_id)
        parts = planted_parts(self._cut(parts), self.finish, self.overlap)
        if self.finish.align_beats:
            parts = self._aligned(parts)
        for part in parts:
            yield with_relaxed_hands(part)

    def _cut(self, parts: Iterator[MotionClip]) -> Iterator[MotionClip]:
        """The parts without the frames beyond the dance's end: as many as may go are held back."""
        reel, done, spare = Reel(), 0, self.tokenizer.stride - 1
        for part in parts:
            reel.add(part)
            if reel.stop - spare > done:
                yield reel.frames(done, reel.stop - spare)
                done = reel.stop - spare
                reel.forget(done)
        if done < (stop := min(self.frames(), reel.stop)):
            yield reel.frames(done, stop)

    def _aligned(self, parts: Iterator[MotionClip]) -> Iterator[MotionClip]:
        """The parts with their kinematic beats moved towards the music's."""
        reel, moves, warp = Reel(), RunningBeats(), self.overlap.warp(self.finish.beats)
        last: NDArray[np.float32] | None = None
        for part, ended in with_end(parts):
            if part is not None:
                reel.add(part)
                moves.add(part.joint_positions())
            times = warp.settle(moves.beats(), self.beats(), moves.known, reel.stop if ended else None)
            if not len(times):
                continue
            first = max(int(times[0]) - _SPLINE_MARGIN, 0)
            clip = warp_times(reel.frames(first, min(int(times[-1]) + _SPLINE_MARGIN, reel.stop)), times - first)
            if last is not None:
                clip = replace(clip, joint_rotation=continued(last, clip.joint_rotation))
            last = clip.joint_rotation[-1]
            yield clip
            kept = warp.told - round(self.finish.beats.max_shift) - _SPLINE_MARGIN - 2
            reel.forget(kept)
            moves.forget(kept)


def with_end(parts: Iterator[MotionClip]) -> Iterator[tuple[MotionClip | None, bool]]:
    """Each part, and at last None with True."""
    for part in parts:
        yield part, False
    yield None, True


def planted_parts(parts: Iterable[MotionClip], config: FinishConfig, overlap: OverlapConfig) -> Iterator[MotionClip]:
    """`finish.plant` in windows that overlap: each goes on from where the one before it had the body and the feet."""
    reel, planting, start = Reel(), _Planting(config, overlap), 0
    for part in parts:
        reel.add(part)
        while reel.stop >= start + overlap.planted + overlap.ahead:
            yield planting.window(reel, start, start + overlap.planted)
            start += overlap.planted
            reel.forget(start - overlap.past)
    while start < reel.stop:
        end = min(start + overlap.planted, reel.stop)
        yield planting.window(reel, start, end)
        start = end


class _Planting:
    """Windows of a dance, one after the other, and what the next one must know of the last."""

    def __init__(self, config: FinishConfig, overlap: OverlapConfig) -> None:
        self.config, self.overlap = config, overlap
        self._memory, self._first = FootMemory(), 0
        self._rest: MotionClip | None = None  # frames after those that were given out, as far as the window saw them

    def window(self, reel: Reel, start: int, end: int) -> MotionClip:
        """The frames `start` to `end` planted, with those around them in view."""
        overlap = self.overlap
        first, stop = max(start - overlap.past, 0), min(end + overlap.ahead, reel.stop)
        self._memory = self._memory.moved_on(first - self._first, start - self._first)
        clip = plant(reel.frames(first, stop), self.config, self._memory)
        clip, self._first = cut(clip, slice(start - first, None)), first
        if self._rest is not None:
            clip = _taken_over(self._rest, clip, overlap.blend)
        self._rest = cut(clip, slice(end - start, None)) if stop > end else None
        return cut(clip, slice(0, end - start))


def _taken_over(old: MotionClip, new: MotionClip, blend: int) -> MotionClip:
    """`new`, beginning over the same floor as `old` and changing over from it within `blend` frames."""
    root = new.root_position + (old.root_position[0] - new.root_position[0]) * np.array([1, 0, 1], np.float32)
    joints = continued(old.joint_rotation[0], new.joint_rotation)
    count = min(blend, old.frames, new.frames)
    share = np.arange(count, dtype=np.float32) / max(blend, 1)
    stays = 1 - share**3 * (10 - 15 * share + 6 * share**2)  # no jump of speed or acceleration at either end
    root[:count] += stays[:, None] * (old.root_position[:count] - root[:count])
    mixed = joints[:count] + stays[:, None, None] * (old.joint_rotation[:count] - joints[:count])
    joints[:count] = rotation.normalize(mixed)
    return replace(new, root_position=root, joint_rotation=joints, contacts=_contacts(old, new, count // 2))


def _contacts(old: MotionClip, new: MotionClip, count: int) -> FootContacts | None:
    if old.contacts is None or new.contacts is None:
        return new.contacts
    planted = np.concatenate([old.contacts.planted[:count], new.contacts.planted[count:]])
    return FootContacts(planted, new.contacts.labels)
