"""The order in which windows of a large set are trained on: shuffled anew for each epoch, none missed, none twice.

A place in the order is turned into a window by computing, not by looking it up: memory does not grow with the set, a
run goes on anywhere at once, and any number of processes share one order without talking.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 4


def shuffled(places: NDArray[np.int64], count: int, key: tuple[int, ...]) -> NDArray[np.int64]:
    """Where each of the `places` of 0 … count - 1 is in a permutation that `key` chooses.

    A Feistel network permutes the next power of four; what falls outside is permuted until it falls inside.
    """
    half = np.uint64(max(1, ((count - 1).bit_length() + 1) // 2))
    mask = np.uint64((1 << int(half)) - 1)
    keys = np.random.SeedSequence(key).generate_state(_ROUNDS, np.uint64)
    result = places.astype(np.uint64)
    outside = np.ones(len(result), dtype=bool)
    while outside.any():
        left, right = result[outside] >> half, result[outside] & mask
        for number in keys:
            left, right = right, left ^ (_mixed(right + number) & mask)
        result[outside] = left << half | right
        outside = result >= count
    return result.astype(np.int64)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: each bit depends on all."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True)
class Slot:
    """A window in the order: of which `clip` (its place in `lengths`), from which unit `start` on; `number` counts the
    windows of the whole run."""

    number: int
    clip: int
    start: int


class WindowOrder:
    """An endless shuffled reading of windows of `window` units from clips of `lengths` (N,) units.

    In an epoch a clip of n windows gives n, spread over it evenly and each moved at random; a shorter one gives one.
    """

    def __init__(self, lengths: NDArray[np.integer], window: int, seed: int) -> None:
        self.lengths, self.window, self.seed = lengths, window, seed
        self._counts = np.maximum(1, np.asarray(lengths, np.int64) // window)
        self._ends = np.cumsum(self._counts)

    def __len__(self) -> int:
        """Windows of an epoch."""
        return int(self._ends[-1])

    def slots(self, numbers: NDArray[np.int64]) -> list[Slot]:
        """The windows with these numbers in the run."""
        epochs, places = np.divmod(numbers, len(self))
        slots = []
        for epoch in np.unique(epochs):  # in order, as numbers ascend
            here = epochs == epoch
            windows = shuffled(places[here], len(self), (self.seed, 6, int(epoch)))
            clips = np.searchsorted(self._ends, windows, side="right")
            within = windows - (self._ends[clips] - self._counts[clips])
            for number, clip, part in zip(numbers[here], clips, within, strict=True):
                moved = np.random.default_rng((self.seed, 7, int(number))).random()
                spare = max(0, int(self.lengths[clip]) - self.window)
                start = int((spare + 1) * (part + moved) / self._counts[clip])
                slots.append(Slot(int(number), int(clip), min(start, spare)))
        return slots
