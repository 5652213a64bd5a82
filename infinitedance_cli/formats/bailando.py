"""Bailando's dances: `.npy` files with a pickled dictionary, `pred_position` (T, 72): 24 SMPL joints, y up.

Bailando names them `*.pkl.npy`. Plain arrays (T, 72) and (T, 66) of 24 or 22 joints, as the InfiniteDance release's
metrics read them, are taken too. Nothing in the file tells the frame rate: 60 fps for Bailando's, 30 for plain arrays.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._npy import read_floats, shape_of
from infinitedance_cli.formats._peers import PeerMotion, from_positions
from infinitedance_cli.formats._safe_pickle import load_arrays
from infinitedance_cli.formats.joints import clip_of_positions
from infinitedance_cli.motion.clip import MotionClip

EXTENSIONS = (".npy",)
DESCRIPTION = "Bailando's dances: pred_position (T, 72), and flat joint positions (T, 66 or 72) (read)"
BAILANDO_FPS, PLAIN_FPS = 60.0, 30.0

_KEY = "pred_position"
_WIDTHS = (66, 72)


def matches(path: Path) -> bool:
    """True for a flat array of positions, or a dictionary of arrays with Bailando's key."""
    shape = shape_of(path)
    if len(shape) == 2:
        return shape[1] in _WIDTHS
    return _has_pickle(path) and _KEY in _dictionary(path)


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file on our skeleton. Raises BadInput when it holds no joint positions."""
    motion = read_positions(path)
    yield clip_of_positions(path.name.split(".")[0], motion.positions, motion.fps)


def read_positions(path: Path, rest_joints: NDArray[np.floating] | None = None) -> PeerMotion:
    """Joint positions (T, 22 or 24, 3) as they are in the file; `rest_joints` is not needed."""
    plain = bool(shape_of(path))
    values = read_floats(path, "flat joint positions (T, 66 or 72)") if plain else _positions(path)
    if values.ndim != 2 or values.shape[1] not in _WIDTHS:
        raise BadInput(f"{path}: joint positions have shape {values.shape}; expected (T, 66 or 72)")
    fps = PLAIN_FPS if plain else BAILANDO_FPS
    return from_positions(str(path), fps, values.reshape(len(values), -1, 3))


def _positions(path: Path) -> NDArray[np.float64]:
    content = _dictionary(path)
    if _KEY not in content:
        raise BadInput(f"{path}: no {_KEY!r} in it; found {', '.join(map(str, content)) or 'nothing'}")
    try:
        return np.asarray(content[_KEY], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{path}: {_KEY} holds no numbers ({error})") from error


def _dictionary(path: Path) -> dict[Any, Any]:
    """The dictionary that was saved as a 0-d array of objects; its pickle may ask for numpy arrays only."""
    with open(path, "rb") as file:
        _skip_header(file, path)
        content = load_arrays(file, str(path))
    if isinstance(content, np.ndarray) and content.size == 1:
        content = content.reshape(-1)[0]
    if not isinstance(content, dict):
        raise BadInput(f"{path}: holds {type(content).__name__}; expected a dictionary with {_KEY!r}")
    return content


def _has_pickle(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return _skip_header(file, path)
    except (OSError, BadInput):
        return False


def _skip_header(file: Any, path: Path) -> bool:
    """Moves past numpy's header; True when a pickled object follows. Raises BadInput on another file."""
    try:
        version = npy_format.read_magic(file)
        reader = npy_format.read_array_header_1_0 if version[0] == 1 else npy_format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy remarks on headers that Python 2 wrote
            dtype = reader(file)[2]
    except (ValueError, EOFError) as error:
        raise BadInput(f"{path}: is no .npy array that can be read ({error})") from error
    return bool(dtype.hasobject)
