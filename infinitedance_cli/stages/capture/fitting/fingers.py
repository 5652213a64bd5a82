"""Fingers from the hands' own landmarks: each bone along the seen one, within what joints allow, unseen ones filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget.geometry import aim
from infinitedance_cli.motion.retarget.hands import FINGERS, relaxed_hands
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.motion.trajectory_fit import PathFit
from infinitedance_cli.stages.capture.fitting.evidence import LEAST_HAND_SCORE
from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating]

_FIRST_LANDMARK = {"thumb": 1, "index": 5, "middle": 9, "ring": 13, "pinky": 17}
_PALM = {"index": 5, "middle": 9, "ring": 13, "pinky": 17}
_FLEX = np.radians([(-25.0, 95.0), (-5.0, 115.0), (-5.0, 85.0)])
_SPREAD = np.radians(22.0)
_THUMB = np.radians(60.0)
_EASE = 1.2
"""Frames over which a finger's turn is smoothed."""
_RELAX = 0.01
"""Weight of the relaxed hand: it wins where nothing was seen for about half a second."""


def finger_rotations(track: PersonTrack) -> FloatArray:
    """Local rotations (T, 2, 15, 4) of the fingers, left and right hand, in SMPL-X order.

    A hand counts from its score on; between, its fingers move smoothly, and go to the relaxed hand where it was long
    unseen.
    """
    found = [_hand(track, side, place) for place, side in enumerate(("left", "right"))]
    return np.stack(found, axis=1)


def _hand(track: PersonTrack, side: str, place: int) -> FloatArray:
    points = track.hand_world[:, place].astype(np.float64) * (1.0, -1.0, -1.0)
    score = np.nan_to_num(track.hand_score[:, place])
    seen = (score >= LEAST_HAND_SCORE) & np.isfinite(points).all(axis=(1, 2))
    relaxed = rotation.to_axis_angle(relaxed_hands()[side]).reshape(-1)
    turns = np.tile(relaxed, (len(points), 1))
    if seen.any():
        turns[seen] = _turns(points[seen], side).reshape(int(seen.sum()), -1)
    fit = PathFit(len(points), turns.shape[1])
    fit.add(0, np.where(seen, score, 0.0), turns)
    fit.add(0, _RELAX, relaxed)
    fit.add(2, _EASE**4)
    return rotation.from_axis_angle(fit.solve().reshape(len(points), 15, 3))


def _turns(points: FloatArray, side: str) -> FloatArray:
    """Axis-angles (N, 15, 3) of fingers whose 21 landmarks are `points` (N, 21, 3), y up."""
    skeleton = default_skeleton()
    palm = _palm(points, side)
    result = []
    for finger in FINGERS:
        first = _FIRST_LANDMARK[finger]
        rest = [skeleton.offsets[skeleton.index(f"{side}_{finger}{joint}")].astype(np.float64) for joint in (2, 3)]
        above = palm
        for joint in range(3):
            along = rotation.normalize(rest[min(joint, 1)])
            bone = points[:, first + joint + 1] - points[:, first + joint]
            local = rotation.multiply(rotation.inverse(above), aim(above, along, rotation.normalize(bone)))
            turn = _limited(rotation.to_axis_angle(local), along, finger, joint)
            result.append(turn)
            above = rotation.multiply(above, rotation.from_axis_angle(turn))
    return np.stack(result, axis=1)


def _limited(turn: FloatArray, along: FloatArray, finger: str, joint: int) -> FloatArray:
    """Turns (N, 3) within what the joint allows: fingers bend to the palm and spread a little, the thumb turns."""
    if finger == "thumb":
        size = np.linalg.norm(turn, axis=-1, keepdims=True)
        return turn * np.minimum(1.0, _THUMB / np.maximum(size, 1e-9))
    across = rotation.normalize(np.cross(along, np.array([0.0, -1.0, 0.0])))
    aside = np.cross(across, along)
    bend = np.clip(turn @ across, *_FLEX[joint])
    spread = np.clip(turn @ aside, -_SPREAD, _SPREAD) if joint == 0 else np.zeros(len(turn))
    limited: FloatArray = bend[:, None] * across + spread[:, None] * aside
    return limited


def _palm(points: FloatArray, side: str) -> FloatArray:
    """Rotations (N, 4) of the palm: the best turn of the resting knuckles about the wrist to the seen ones (Kabsch)."""
    skeleton = default_skeleton()
    rest = np.stack([skeleton.offsets[skeleton.index(f"{side}_{finger}1")].astype(np.float64) for finger in _PALM])
    seen = points[:, list(_PALM.values())] - points[:, :1]
    left, _, right = np.linalg.svd(np.einsum("nfa,fb->nab", seen, rest))
    left[..., 2] *= np.linalg.det(left @ right)[:, None]
    return rotation.from_matrix(left @ right)
