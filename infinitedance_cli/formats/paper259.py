"""259-d feature files as in the InfiniteDance paper (`.npy`, (T, 259)): see `infinitedance_cli.motion.features`.

Written under the ending `.259.npy`; read from any `.npy` of that width. The features leave out where the dance starts
and the frame rate (30): a clip that is read starts at the origin, facing +Z. T frames of motion give T − 1 rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from infinitedance_cli.formats import _features
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import PAPER_259

EXTENSIONS = (".259.npy",)
READ_EXTENSIONS = (".259.npy", ".npy")
DESCRIPTION = "259-d features as in the InfiniteDance paper (T, 259)"


def matches(path: Path) -> bool:
    """True for one array (T, 259)."""
    return _features.matches(path, PAPER_259)


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file on our skeleton. Raises BadInput on another shape or values that are not finite."""
    yield _features.read(path, PAPER_259)


def write(clip: MotionClip, file: BinaryIO) -> None:
    """The clip at 30 fps as features. Raises BadInput with fewer than two frames."""
    _features.write(clip, file, PAPER_259)
