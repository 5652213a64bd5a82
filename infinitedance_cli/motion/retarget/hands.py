"""Face and fingers: 33 joints after the body. Fingers come from the source where it moves them, else a relaxed hand."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget.canonical import SIDES
from infinitedance_cli.motion.retarget.geometry import Points, aim
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, Skeleton

Array = NDArray[np.floating]
FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_GREATEST_BEND = np.radians(115)
_LEAST_MOTION = np.radians(3)


@lru_cache
def relaxed_hands() -> Points:
    """Local rotations (15, 4) of the left and right hand at ease, in SMPL-X finger order."""
    text = resources.files("infinitedance_cli.motion").joinpath("assets/relaxed_hands.json").read_text("utf-8")
    data = json.loads(text)
    return {side: rotation.from_axis_angle(np.asarray(data[f"{side}_hand_pose"], dtype=np.float64)) for side in SIDES}


def hand_rotations(points: Points, wrists: Points, frames: int, skeleton: Skeleton) -> Array:
    """Local rotations (T, 33, 4) of jaw, eyes and fingers.

    `points` positions (T, 3) by role; `wrists` world rotations (T, 4) of our wrists by side. A hand whose fingers are
    not all there, never move or bend as no finger can is given the relaxed one.
    """
    face = np.repeat(rotation.identity(3)[None].astype(float), frames, axis=0)
    hands = []
    for side in SIDES:
        found = _fingers(points, wrists[side], side, skeleton)
        relaxed = np.broadcast_to(relaxed_hands()[side], (frames, 15, 4))
        hands.append(relaxed if found is None or not _is_sane(found) else found)
    full = np.concatenate((face, *hands), axis=1)
    assert full.shape[1] == len(SMPLX_JOINT_NAMES) - BODY_JOINT_COUNT
    return full


def _fingers(points: Points, wrist: Array, side: str, skeleton: Skeleton) -> Array | None:
    """Local rotations (T, 15, 4) that lay our finger bones along the source's; the last joint bends half as much."""
    if not all(f"{side}_{finger}{joint}" in points for finger in FINGERS for joint in (1, 2, 3)):
        return None
    local = []
    for finger in FINGERS:
        above, bend = wrist, wrist
        for joint in (1, 2):
            start, stop = f"{side}_{finger}{joint}", f"{side}_{finger}{joint + 1}"
            along = rotation.normalize(skeleton.offsets[skeleton.index(stop)].astype(float))
            turn = aim(above, along, rotation.normalize(points[stop] - points[start]))
            bend = rotation.multiply(rotation.inverse(above), turn)
            local.append(bend)
            above = turn
        unit = np.broadcast_to(rotation.identity().astype(float), bend.shape)
        local.append(rotation.slerp(unit, bend, np.full(len(bend), 0.5)))
    return np.stack(local, axis=1)


def _is_sane(local: Array) -> bool:
    """True for fingers (T, 15, 4) that move and bend within what joints allow."""
    angle = np.linalg.norm(rotation.to_axis_angle(local), axis=-1)
    moves = np.ptp(angle, axis=0).max() > _LEAST_MOTION
    return bool(moves and np.mean(angle > _GREATEST_BEND) < 0.02)
