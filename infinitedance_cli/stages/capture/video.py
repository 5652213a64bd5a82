"""Any video as upright pictures at a true 30 a second, in time with its sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a video: `pixels` (H, W, 3) uint8, red green blue, upright; shown `frame` / 30 s after the start.

    `scale` is the width of `pixels` over the width of the upright picture as stored.
    """

    frame: int
    pixels: NDArray[np.uint8]
    scale: float = 1.0
