"""DD100's dancers (`.npy`): a dictionary of SMPL-X parameters for each of a pair, y up, 30 fps.

`poses` (T, 165) axis-angles in SMPL-X order, `transl` (T, 3) metres, `betas` (T, 10 or more), `meta` with the gender.
The file is a pickled dictionary inside an array; it is admitted only as far as arrays, numbers and strings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._safe_pickle import as_floats, load_arrays
from infinitedance_cli.formats._smplx import SmplMotion, from_parameters, to_clip
from infinitedance_cli.motion.clip import MotionClip

EXTENSIONS = (".npy",)
DESCRIPTION = "DD100: SMPL-X poses and translation of one dancer of a pair (read)"
FPS = 30.0

_WIDTH = 165


def matches(path: Path) -> bool:
    """True for a dictionary with these parameters."""
    try:
        return _KEYS <= load(path).keys()
    except BadInput:
        return False


_KEYS = {"poses", "transl"}


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file. Raises BadInput when fields are missing or have other shapes."""
    data = load(path)
    missing = sorted(_KEYS - data.keys())
    if missing:
        raise BadInput(f"{path}: no {missing[0]!r} in it; expected {', '.join(sorted(_KEYS))}")
    yield to_clip(path.stem, whole_body(str(path), data["poses"], data["transl"], data), usual_up="y")


def whole_body(name: str, poses: Any, translation: Any, data: Any) -> SmplMotion:
    """The motion of `poses` (T, 165) or (T, 55, 3), with shape and gender where `data` has them.

    Raises BadInput on other shapes.
    """
    values = as_floats(poses)
    values = values.reshape(len(values), -1) if values.ndim == 3 else values
    if values.ndim != 2 or values.shape[1] != _WIDTH or not len(values):
        raise BadInput(f"{name}: poses have shape {np.shape(poses)}; expected (T, {_WIDTH}) axis-angles")
    betas = data.get("betas", data.get("beta"))
    betas = np.zeros(0) if betas is None else np.atleast_2d(as_floats(betas))[0, :10]
    meta = data.get("meta")
    gender = str(meta.get("gender", "neutral")) if isinstance(meta, dict) else "neutral"
    turns = from_parameters(name, values[:, :66], values[:, 75:], values[:, 66:75])
    return SmplMotion(turns, as_floats(translation), betas.astype(np.float32), gender, FPS, hands=True)


def load(path: Path) -> dict[str, Any]:
    """The dictionary that a `.npy` file holds. Raises BadInput when it holds something else."""
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
            if not dtype.hasobject or shape not in ((), (1,)):
                raise BadInput(f"{path}: is an array of {dtype}; expected a dictionary")
            found = load_arrays(file, str(path))
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path}: is no .npy file that can be read ({error})") from error
    found = found.reshape(-1)[0] if isinstance(found, np.ndarray) and found.size == 1 else found
    if not isinstance(found, dict):
        raise BadInput(f"{path}: holds {type(found).__name__}; expected a dictionary")
    return found
