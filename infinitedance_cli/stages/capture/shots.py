"""Where one shot ends and the next begins.

A cut changes colours and layout of the picture from one picture to the next, much more than the pictures before did,
to something that was not there just before, and the old picture does not come back; after a flash it does. Slow
dissolves are not found: there the person is lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.config import ShotsConfig
from infinitedance_cli.stages.capture.video import TimedPicture

_SIZE = (32, 18)
_LEVELS = 4
_MEMORY = 15
"""Pictures whose usual change is remembered."""
_UNUSUAL = 4.0
"""A cut changes the picture this many times more than usual: fast pans and strobes do it all the time."""
_CAME_BACK = 0.5
"""The old picture is back when the change from it is below this share of the limit."""


@dataclass(frozen=True, eq=False)
class Look:
    """What is compared of a picture: `colours` (64,) shares, and `layout`, lightness without its mean and scale."""

    colours: NDArray[np.float32]
    layout: NDArray[np.float32]

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> Look:
        """The look of a picture (H, W, 3)."""
        import cv2

        step = max(min(pixels.shape[0] // 72, pixels.shape[1] // 128), 1)
        small = cv2.resize(np.ascontiguousarray(pixels[::step, ::step]), _SIZE, interpolation=cv2.INTER_AREA)
        levels = small.astype(np.int32) * _LEVELS // 256
        index = (levels[..., 0] * _LEVELS + levels[..., 1]) * _LEVELS + levels[..., 2]
        colours = (np.bincount(index.ravel(), minlength=_LEVELS**3) / index.size).astype(np.float32)
        grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (3, 3), 0)
        return cls(colours, _normalised(grey.astype(np.float32)))

    def change(self, other: Look) -> float:
        """0 for the same picture to 1 for one that has nothing in common."""
        colours = 0.5 * float(np.abs(self.colours - other.colours).sum())
        layout = 0.5 * float(np.square(self.layout - other.layout).sum())
        return 0.25 * colours + 0.75 * min(layout, 1.0)


def _normalised(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = grey - grey.mean()
    length = float(np.linalg.norm(centred))
    # A picture of one colour has no layout; noise must not be blown up to one.
    return np.asarray(centred / max(length, float(centred.size) ** 0.5), np.float32)


class CutFinder:
    """Says of each picture whether a shot begins with it, `flash_frames` pictures later."""

    def __init__(self, config: ShotsConfig) -> None:
        self._config = config
        self._looks: deque[Look] = deque(maxlen=config.flash_frames + 2)
        self._changes: deque[float] = deque(maxlen=_MEMORY)
        self._past: deque[Look] = deque(maxlen=config.flash_frames)

    def add(self, look: Look) -> bool:
        """Take the look of the next picture; True when a shot began `flash_frames` pictures before it."""
        self._looks.append(look)
        if len(self._looks) < self._config.flash_frames + 2:
            return False
        before, first, *later = self._looks
        change = before.change(first)
        usual = float(np.median(self._changes)) if self._changes else 0.0
        limit = self._config.cut
        cut = (
            change > max(limit, _UNUSUAL * usual)
            and all(before.change(following) > _CAME_BACK * limit for following in later)
            and all(first.change(past) > _CAME_BACK * limit for past in self._past)
        )
        self._changes.append(change)
        self._past.append(before)
        if cut:
            self._changes.clear()
            self._past.clear()
        return cut


def split_shots(pictures: Iterable[TimedPicture], config: ShotsConfig) -> Iterator[tuple[int, TimedPicture]]:
    """Every picture with the number of its shot, from 0; a few pictures are held to tell cuts from flashes."""
    if not config.find:
        for picture in pictures:
            yield 0, picture
        return
    finder, shot = CutFinder(config), 0
    held: deque[TimedPicture] = deque()
    for picture in pictures:
        cut = finder.add(Look.of(picture.pixels))
        held.append(picture)
        if len(held) > config.flash_frames:
            shot += cut
            yield shot, held.popleft()
    for picture in held:  # nobody can tell a cut from a flash here; such a short rest makes no clip of its own
        yield shot, picture
