"""One array from a `.npy` file, without running anything that the file may bring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput


def shape_of(path: Path) -> tuple[int, ...]:
    """The shape of the array in a file, () when it is none that can be read: for `matches`."""
    try:
        return tuple(np.load(path, mmap_mode="r", allow_pickle=False).shape)
    except (OSError, ValueError, EOFError, AttributeError):
        return ()


def read_floats(path: Path, expected: str) -> NDArray[np.float64]:
    """The array of a file as float64. Raises BadInput when it is no array of finite numbers."""
    try:
        values: Any = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path}: is no .npy array that can be read ({error}); expected {expected}") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        kind = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
        raise BadInput(f"{path}: holds {kind}; expected {expected}")
    if not np.isfinite(values).all():
        frame = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(axis=1)))
        raise BadInput(f"{path}: a value is not finite at frame {frame}")
    return values.astype(np.float64)
