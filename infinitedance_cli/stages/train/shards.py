"""Training clips that stay in their shards: only what a batch needs is read, when it needs it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import genres
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.shards import ShardFolder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split:
    """Clips of one split: `numbers` (N,) in all folders together, and `frames` (N,) of each."""

    numbers: NDArray[np.int64]
    frames: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.numbers)

    def of_length(self, frames: int) -> Split:
        """Those of `frames` or more. Raises BadInput when none is left."""
        long = self.frames >= frames
        if not long.any():
            raise BadInput(f"{len(self)} training clips, none of {frames} frames or more; nothing to train on")
        return Split(self.numbers[long], self.frames[long])


class ShardClips(Iterable[MotionClip]):
    """The clips of folders of shards by number; iterating reads them all.

    Opening reads the listing once, for split, length and genre; twelve bytes a clip are kept. Raises BadInput
    as `ShardFolder`.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [ShardFolder(folder) for folder in folders]
        self._ends = np.cumsum([len(folder) for folder in self.folders])
        numbers: dict[bool, list[NDArray[np.int64]]] = {True: [], False: []}
        names: set[str] = set()
        for folder, first in zip(self.folders, [0, *self._ends[:-1]], strict=True):
            trained = np.ones(len(folder), dtype=bool)
            for entry in folder.entries():
                trained[entry.number] = entry.facts.split in ("", "train")
                names.add(entry.facts.genre)
            for kind, found in numbers.items():
                found.append(first + np.flatnonzero(trained == kind))
        frames = np.concatenate([folder.index.records["frames"] for folder in self.folders]).astype(np.int32)
        self.train, self.held_out = (
            Split(chosen, frames[chosen]) for chosen in (np.concatenate(numbers[kind]) for kind in (True, False))
        )
        self.genres = tuple(sorted({genres.normalised(name) for name in names} - {""}))
        self.lost: Counter[str] = Counter()

    def __iter__(self) -> Iterator[MotionClip]:
        for folder in self.folders:
            yield from folder.clips()

    def read(self, number: int) -> MotionClip:
        """The clip `number`. Raises BadInput when it is damaged."""
        folder = int(np.searchsorted(self._ends, number, side="right"))
        return self.folders[folder].read(number - (int(self._ends[folder - 1]) if folder else 0))

    def read_or_next(self, split: Split, place: int) -> MotionClip:
        """The clip at a place of a split, or where it is damaged the next one that is not, whoever reads it.

        Damaged clips are named in the log once, and counted in `lost`. Raises BadInput when none can be read.
        """
        for ahead in range(len(split)):
            number = int(split.numbers[(place + ahead) % len(split)])
            try:
                return self.read(number)
            except BadInput as error:
                name = str(error).partition(":")[0]
                if not self.lost[name]:
                    logger.warning("%s; left out", error)
                self.lost[name] += 1
        raise BadInput(f"none of the {len(split)} training clips can be read; idance dataset verify names what is lost")

    def some(self, split: Split, count: int) -> list[MotionClip]:
        """Up to `count` clips of a split that can be read, spread over it."""
        clips = []
        for place in np.linspace(0, len(split) - 1, min(count, len(split))).astype(int):
            try:
                clips.append(self.read(int(split.numbers[place])))
            except BadInput as error:
                logger.warning("%s; left out", error)
        return clips
