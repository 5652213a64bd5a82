"""InterDance's dancers (`.pkl`): SMPL-X `trans` (T, 3), `pose` (T, 165 or 55 × 3) and `beta` (10), y up, 30 fps.

Its hands are turned from SMPL-X's mean hand, which comes with the licensed model; without it fingers come out somewhat
straighter than they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._arrays import keys_of
from infinitedance_cli.formats._safe_pickle import load_arrays
from infinitedance_cli.formats._smplx import to_clip
from infinitedance_cli.formats.dd100 import whole_body
from infinitedance_cli.motion.clip import MotionClip

EXTENSIONS = (".pkl",)
DESCRIPTION = "InterDance: SMPL-X pose and translation of one dancer of a pair (read)"

_KEYS = {"trans", "pose"}


def matches(path: Path) -> bool:
    """True for a pickle of arrays with these names and no others that say more."""
    return keys_of(path) >= _KEYS and "smpl_poses" not in keys_of(path)


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file. Raises BadInput when fields are missing or have other shapes."""
    data = load_arrays(path, str(path))
    if not isinstance(data, dict) or not data.keys() >= _KEYS:
        raise BadInput(f"{path}: is no motion of InterDance; expected {', '.join(sorted(_KEYS))}")
    yield to_clip(path.stem, whole_body(str(path), data["pose"], data["trans"], data), usual_up="y")
