"""264-d feature files of the InfiniteDance release (`.npy`, (T, 264)): see `infinitedance_cli.motion.features`.

Written under the ending `.264.npy`; read from any `.npy` of that width. The features hold joint positions of the body
at the size of the skeleton that they were made from, no frame rate (30), no hands and no twist. T frames of motion
give T − 1 rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from infinitedance_cli.formats import _features
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import RELEASE_264

EXTENSIONS = (".264.npy",)
READ_EXTENSIONS = (".264.npy", ".npy")
DESCRIPTION = "264-d features of the InfiniteDance release (T, 264)"


def matches(path: Path) -> bool:
    """True for one array (T, 264)."""
    return _features.matches(path, RELEASE_264)


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file on our skeleton. Raises BadInput on another shape or values that are not finite."""
    yield _features.read(path, RELEASE_264)


def write(clip: MotionClip, file: BinaryIO) -> None:
    """The clip at 30 fps as features. Raises BadInput with fewer than two frames."""
    _features.write(clip, file, RELEASE_264)
