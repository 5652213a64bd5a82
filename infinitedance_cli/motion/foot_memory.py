"""What one window of a long dance must know of the window before it, for feet that are locked window by window."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.trajectory_fit import PathFit

FloatArray = NDArray[np.floating]

_SETTLED = 1e4
"""Weight of what an earlier window settled."""


class FootMemory:
    """How far the feet were turned and shifted, so that the next window of a long dance goes on from it.

    A foot that is moved in order to rest stays moved for seconds: a window that did not know would move it elsewhere.
    `settled` holds the first values of each path, which are kept; `found` those of the whole window.
    """

    def __init__(self, settled: Mapping[str, FloatArray] | None = None) -> None:
        self.settled, self.found = dict(settled or {}), dict[str, FloatArray]()

    def solve(self, name: str, fit: PathFit) -> FloatArray:
        """The path x (T, C) of `fit` that goes on from the settled values of this name."""
        known = self.settled.get(name, np.zeros((0, fit.channels)))
        wanted = np.concatenate([known, np.zeros((fit.frames - len(known), fit.channels))])
        fit.add(0, np.where(np.arange(fit.frames) < len(known), _SETTLED, 0.0), wanted)
        self.found[name] = fit.solve()
        return self.found[name]

    def moved_on(self, first: int, stop: int) -> FootMemory:
        """The memory of a window that begins at frame `first` of this one, and must not change frames before `stop`."""
        return FootMemory({name: values[first:stop] for name, values in self.found.items()})
