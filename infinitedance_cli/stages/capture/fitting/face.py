"""The face: how far the jaw is open, and five measures of what else it does.

SMPL-X's expression coefficients belong to a basis that is not open, so none are made up. The jaw is a joint, and turns;
the rest is told as measures that need no model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.trajectory_fit import PathFit
from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating]

MEASURES = ("mouth_open", "mouth_width", "left_eye_open", "right_eye_open", "brow_height")
"""Distances between landmarks over the distance between the outer corners of the eyes."""
_PAIRS = (((13, 14),), ((61, 291),), ((386, 374),), ((159, 145),), ((105, 159), (334, 386)))
_EYE_CORNERS = (33, 263)
_EYES_M, _HINGE_M = 0.09, 0.1
"""Between the outer corners of an adult's eyes; from the jaw's hinge to the lips, metres."""
_GREATEST = np.radians(30.0)
_LEAST_SCORE = 0.5
_CLOSED = 0.02


def face_measures(track: PersonTrack) -> FloatArray:
    """`MEASURES` (T, 5), NaN where no face was seen."""
    face = track.face_image.astype(np.float64)
    scale = np.linalg.norm(face[:, _EYE_CORNERS[0]] - face[:, _EYE_CORNERS[1]], axis=-1)
    columns = [
        np.mean([np.linalg.norm(face[:, a] - face[:, b], axis=-1) for a, b in pairs], axis=0) / np.maximum(scale, 1e-6)
        for pairs in _PAIRS
    ]
    measures = np.stack(columns, axis=1)
    seen = (np.nan_to_num(track.face_score) >= _LEAST_SCORE) & np.isfinite(measures).all(axis=1) & (scale > 1)
    return np.where(seen[:, None], measures, np.nan)


def jaw_rotations(measures: FloatArray) -> FloatArray:
    """Local rotations (T, 4) of the jaw: the gap between the lips as an angle at its hinge, closed where unseen."""
    seen = np.isfinite(measures[:, 0])
    gap = np.maximum(np.nan_to_num(measures[:, 0]) - _CLOSED, 0.0) * _EYES_M
    angle = np.clip(np.arcsin(np.clip(gap / _HINGE_M, 0.0, 1.0)), 0.0, _GREATEST)
    fit = PathFit(len(angle), 1)
    fit.add(0, seen.astype(np.float64), angle[:, None])
    fit.add(0, 0.01)
    fit.add(2, 0.5)
    return rotation.about_axis("x", np.clip(fit.solve()[:, 0], 0.0, _GREATEST))
