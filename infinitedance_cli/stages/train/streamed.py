"""What the tokeniser learns from, read from shards window by window; `library` holds small sets in memory instead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.train.augment import AugmentConfig, Motion, augment
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.library import to_features, to_motion
from infinitedance_cli.stages.train.order import Slot, WindowOrder
from infinitedance_cli.stages.train.shards import ShardClips, Split

_MEASURED = 64
"""Held-out clips that are measured."""
_MEASURED_FRAMES = 1800
_SAMPLED = 256
"""Windows that normalisation is taken from."""


class StreamedLibrary:
    """Training clips of shards, of which none is held; up to 64 held-out ones are, each up to a minute long.

    Raises BadInput when no training clip of at least `minimum_frames` is left.
    """

    def __init__(self, clips: ShardClips, minimum_frames: int) -> None:
        self.clips, self.train = clips, clips.train.of_length(minimum_frames)
        measured = clips.some(clips.held_out, _MEASURED) if len(clips.held_out) else clips.some(self.train, 1)
        self.measured = tuple(_cut(to_motion(clip), 0, _MEASURED_FRAMES) for clip in measured)

    def features(self, layout: str, config: AugmentConfig, seed: int, window: int) -> StreamedFeatures:
        """Windows of features of augmented training clips."""
        return StreamedFeatures(self.clips, self.train, layout, config, seed, window)


class StreamedFeatures:
    """Windows of features, each of a piece of a clip that is read and augmented for it alone."""

    def __init__(
        self, clips: ShardClips, split: Split, layout: str, config: AugmentConfig, seed: int, window: int
    ) -> None:
        self.clips, self.split, self.layout, self.config, self.seed = clips, split, layout, config, seed
        self.window = window
        # Played faster, a piece gets shorter; features describe steps between frames.
        self.piece = math.ceil((window + 2) * math.exp(config.tempo_range)) + 2
        self.order = WindowOrder(split.frames, self.piece, seed)

    def sequences(self, step: int) -> list[NDArray[np.float32]]:
        """Windows (window, D) to take statistics from: those that a run would begin with at a step."""
        return list(self.windows(Pass(step, _SAMPLED, first=step * _SAMPLED)))

    def windows(self, where: Pass) -> NDArray[np.float32]:
        """Windows (own, window, D) of a pass."""
        numbers = where.first + np.arange(where.size, dtype=np.int64)[where.own]
        return np.stack([self._window(slot) for slot in self.order.slots(numbers)])

    def _window(self, slot: Slot) -> NDArray[np.float32]:
        random = np.random.default_rng((self.seed, 8, slot.number))
        piece = _cut(to_motion(self.clips.read_or_next(self.split, slot.clip)), slot.start, self.piece)
        others = _Others(self.clips, self.split, self.piece)
        variant = augment(piece, others, self.config, random)
        if variant.frames <= self.window + 1:  # a short clip, played too fast
            variant = augment(piece, others, replace(self.config, tempo_range=0.0), random)
        rows = to_features(variant, self.layout)
        start = int(random.integers(max(1, len(rows) - self.window + 1)))
        return rows[np.minimum(start + np.arange(self.window), len(rows) - 1)]


class _Others(Sequence[Motion]):
    """The beginnings of all training clips, read when they are asked for."""

    def __init__(self, clips: ShardClips, split: Split, frames: int) -> None:
        self.clips, self.split, self.frames = clips, split, frames

    def __len__(self) -> int:
        return len(self.split)

    @overload
    def __getitem__(self, place: int) -> Motion: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Motion]: ...
    def __getitem__(self, place: int | slice) -> Motion | Sequence[Motion]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        return _cut(to_motion(self.clips.read_or_next(self.split, place)), 0, self.frames)


def _cut(motion: Motion, start: int, frames: int) -> Motion:
    """`frames` frames from `start` on; of a clip that is shorter than expected, its last ones."""
    start = max(0, min(start, motion.frames - frames))
    kept = slice(start, start + frames)
    return replace(motion, root_position=motion.root_position[kept], joint_rotation=motion.joint_rotation[kept])
