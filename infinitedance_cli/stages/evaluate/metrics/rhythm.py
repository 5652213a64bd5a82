"""Beat alignment of dance and music."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.beats import beat_alignment, beat_gap, kinematic_beats, offbeats

__all__ = ["beat_alignment", "beat_gap", "beat_alignment_score", "kinematic_beats", "offbeats"]


def beat_alignment_score(positions: NDArray[np.floating], beats: NDArray[np.floating]) -> float:
    """BAS as published: music → motion, beats (B,) in frames rounded, those beyond the last step dropped.

    `positions` (T, 22, 3) in the world at 30 fps. Raises BadInput when no beat is left.
    """
    frames = np.unique(np.rint(beats).astype(np.int64))
    frames = frames[(frames >= 0) & (frames < len(positions) - 1)]
    return beat_alignment(frames, kinematic_beats(positions))
