"""Dances from the released choreographer, window by window, as the release does it or without its defects.

Any number of dances, of one song or many, are drawn side by side: all windows are of one size, so that a batch is
filled anew for each round of windows, and a long song holds nobody up. The conditions of the next windows are computed
while this round is drawn.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from infinitedance_cli.models.generation import window_starts
from infinitedance_cli.models.released.conditioner import Conditioner, WindowCondition
from infinitedance_cli.models.released.drawer import WindowDrawer

WINDOW, KEPT = 96, 32
"""Steps of a window, and those that it shares with the next one."""
_RELEASED_FED = 20

ConditionAt = Callable[[int], WindowCondition]
"""First step of a window → what it is told."""


@dataclass(frozen=True)
class Window:
    """Steps [first, first + 96) of the dance: `fed` steps are given, the others drawn; those from `new` on are kept."""

    first: int
    fed: int
    new: int


def song_windows(steps: int, *, whole: bool, seamless: bool, kept: int = KEPT, opening: int = 0) -> list[Window]:
    """Windows over a song of `steps` steps.

    Args:
        steps: of the song, at 7.5 a second.
        whole: cover all of it, the last window ending with the song; the release drops what does not fill a window.
        seamless: give every step that windows share, so that nothing jumps. The release gives the first 20 and draws
            the others again; what it draws for them is thrown away, so that the dance jumps where the windows meet.
        kept: steps that windows share at least.
        opening: steps that the first window is given, a copy of a retrieved dance.
    """
    stride = WINDOW - kept
    if whole:
        firsts = window_starts(max(steps, WINDOW), WINDOW, kept)
    else:
        firsts = [stride * number for number in range(max(1, (steps - WINDOW) // stride + 1))]
    windows = [Window(0, opening, 0)]
    for before, first in itertools.pairwise(firsts):
        shared = before + WINDOW - first
        windows.append(Window(first, shared if seamless else min(_RELEASED_FED, shared), shared))
    return windows


@dataclass(eq=False)
class Dance:
    """A dance to be drawn and how far it is.

    Args:
        windows: over its song.
        condition_at: what a window is told. The same object for takes that share it.
        seed: of its random stream.
        opening: codes (steps, Q) that the first window is given; without it the dance begins freely.
    """

    windows: Sequence[Window]
    condition_at: ConditionAt
    seed: int
    opening: NDArray[np.int64] | None = None
    given: Tensor | None = field(default=None, init=False)
    _number: int = field(default=0, init=False)
    _prefix: Callable[[], Tensor] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.random = Generator().manual_seed(self.seed)
        if self.opening is not None:
            self.given = torch.from_numpy(self.opening[: self.windows[0].fed])

    @property
    def window(self) -> Window:
        """That is drawn next."""
        return self.windows[self._number]

    @property
    def following(self) -> Window | None:
        """The window after the next one."""
        return self.windows[self._number + 1] if self._number + 1 < len(self.windows) else None

    @property
    def done(self) -> bool:
        """Whether all windows are drawn."""
        return self._number == len(self.windows)

    @property
    def prefix(self) -> Tensor:
        """The condition (music_length, hidden) that was prepared, waited for."""
        assert self._prefix is not None, "prepare the window first"
        return self._prefix()

    def prepared(self, prefix: Callable[[], Tensor]) -> None:
        """Take what gives the prefix of the window to come."""
        self._prefix = prefix

    def move_on(self, codes: Tensor) -> None:
        """Take the codes (96, Q) of the window for the next one to begin with."""
        before = self.window
        self._number += 1
        if not self.done:
            shared = codes[self.window.first - before.first :]
            self.given = shared[: self.window.fed]


@dataclass(frozen=True)
class Drawn:
    """Codes (n, Q) that go on with a dance; `last` where the dance ends with them."""

    dance: Dance
    codes: NDArray[np.int64]
    last: bool


def draw_dances(drawer: WindowDrawer, dances: Iterable[Dance], batch: int, every: int | None = None) -> Iterator[Drawn]:
    """Draw dances, `batch` of them side by side, and yield what each window adds.

    The codes of a dance come in order; dances are mixed. With `every`, a window is yielded so many steps at a time.
    Dances are taken from the iterable as they are needed.
    """
    source = iter(dances)
    active: deque[Dance] = deque()
    with Conditioner(drawer.model) as conditioner:
        while True:
            # Half as many again: those that begin wait until there are enough of them, and songs are heard meanwhile.
            while len(active) < batch + max(1, batch // 2) and (dance := next(source, None)) is not None:
                _prepare(conditioner, [(dance, dance.window)])
                active.append(dance)
            if not active:
                return
            rows = _round(active, batch)
            yield from _draw_round(drawer, rows, conditioner, every)
            for dance in rows:
                active.remove(dance)
            active.extend(dance for dance in rows if not dance.done)


def _prepare(conditioner: Conditioner, windows: Sequence[tuple[Dance, Window]]) -> None:
    """Begin to compute the conditions of windows together."""
    if not windows:
        return
    prefixes = conditioner.begin([partial(dance.condition_at, window.first) for dance, window in windows])
    for row, (dance, _) in enumerate(windows):
        dance.prepared(partial(conditioner.ready_row, prefixes, row))


def _round(active: Iterable[Dance], batch: int) -> list[Dance]:
    """Up to `batch` dances whose next windows are given equally many codes, from the largest such group."""
    groups: dict[int, list[Dance]] = {}
    for dance in active:
        groups.setdefault(0 if dance.given is None else len(dance.given), []).append(dance)
    return max(groups.values(), key=lambda group: min(len(group), batch))[:batch]


def _draw_round(
    drawer: WindowDrawer, rows: Sequence[Dance], conditioner: Conditioner, every: int | None
) -> Iterator[Drawn]:
    windows = [dance.window for dance in rows]
    given = [dance.given.to(drawer.device) for dance in rows if dance.given is not None]
    pieces = drawer.draw(
        torch.stack([dance.prefix for dance in rows]),
        torch.stack(given) if given else None,
        [dance.random for dance in rows],
        every,
    )
    _prepare(conditioner, [(dance, dance.following) for dance in rows if dance.following is not None])
    drawn: list[Tensor] = []
    done = 0
    for codes in pieces:
        drawn.append(codes)
        done += codes.shape[1]
        if done == drawer.steps:
            for row, dance in enumerate(rows):
                dance.move_on(torch.cat([part[row] for part in drawn]))
        arrays = codes.cpu().numpy()
        for dance, window, array in zip(rows, windows, arrays, strict=True):
            new = array[max(0, window.new - (done - codes.shape[1])) :]
            if len(new):
                yield Drawn(dance, new, dance.done)
