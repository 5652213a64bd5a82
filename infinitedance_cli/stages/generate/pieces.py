"""Long clips changed piece by piece, so that memory hardly grows with their length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
