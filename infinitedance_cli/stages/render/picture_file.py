"""PNG pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_png(picture: NDArray[np.uint8], path: Path) -> None:
    """Write a picture (height, width, 3 or 4) without its fourth channel. Raises OSError when it cannot be written."""
    from PIL import Image

    with open(path, "wb") as file:
        Image.fromarray(np.ascontiguousarray(picture[..., :3])).save(file, format="PNG", compress_level=4)
