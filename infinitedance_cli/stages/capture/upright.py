"""How a stored picture is turned and mirrored so that it is upright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.config import Turn

if TYPE_CHECKING:
    import av


@dataclass(frozen=True)
class Orientation:
    """First columns and rows are swapped (`swaps`), then the picture is mirrored left to right and top to bottom."""

    swaps: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Orientation:
        """As the display matrix says that the file states for its pictures; as stored where it states none.

        A point (x, y) of the stored picture is shown at (a x + c y, b x + d y), with a, b, c, d of −1, 0 or 1.
        """
        data: Any = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return cls()
        matrix = np.frombuffer(data, np.int32)[:9].reshape(3, 3)
        (a, b), (c, d) = matrix[0, :2], matrix[1, :2]
        if abs(int(a)) + abs(int(d)) >= abs(int(b)) + abs(int(c)):
            return cls(False, bool(a < 0), bool(d < 0))
        return cls(True, bool(c < 0), bool(b < 0))

    @classmethod
    def clockwise(cls, degrees: Turn) -> Orientation:
        """A turn clockwise."""
        turns = {"90": cls(True, True, False), "180": cls(False, True, True), "270": cls(True, False, True)}
        return turns.get(degrees, cls())

    @property
    def changes(self) -> bool:
        """Whether anything is done at all."""
        return self.swaps or self.mirror_x or self.mirror_y


def turned(pixels: NDArray[np.uint8], orientation: Orientation) -> NDArray[np.uint8]:
    """`pixels` (H, W, C) made upright, in one block of memory."""
    result = pixels.transpose(1, 0, 2) if orientation.swaps else pixels
    if orientation.mirror_x:
        result = result[:, ::-1]
    if orientation.mirror_y:
        result = result[::-1]
    return np.ascontiguousarray(result)
