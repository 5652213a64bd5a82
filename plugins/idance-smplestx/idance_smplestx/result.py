"""From the parameters of one person, picture by picture, to SMPL-X motion in the camera's axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._arrays import Arrays
from infinitedance_cli.motion.kinematics import sample_positions, sample_rotations
from infinitedance_cli.motion.retarget.filters import despike_rotations, gaussian, low_pass_rotations
from infinitedance_cli.stages.capture.checkout import SmplMotion, from_parameters

Floats = NDArray[np.floating]
FPS = 30.0

_WIDTHS = {
    "boxes": 4,
    "global_orient": 3,
    "body_pose": 63,
    "left_hand_pose": 45,
    "right_hand_pose": 45,
    "jaw_pose": 3,
    "betas": 10,
    "expression": 10,
    "transl": 3,
    "focal": 2,
    "centre": 2,
    "hand_inside": 2,
}
_SMOOTH_DEPTH_FRAMES = 5.0
"""The camera of a crop knows distance badly: it is averaged over about a third of a second."""
_FINGER_HZ = 8.0


@dataclass(frozen=True, eq=False)
class Result:
    """What `worker/run_model.py` wrote: `fields` (T, N, width) by name with `box_score` (T, N), NaN where there is
    nobody; `hand_mean` (90,) what the body model adds to the hands; `size` (width, height) of the pictures."""

    fields: Mapping[str, Floats]
    hand_mean: Floats
    size: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Person:
    """One person from `first_frame` on: `motion` in the camera's axes (x right, y down, z away), `boxes` (T, 4) and
    `confidence` (T, 55), 0 in the frames that are filled in."""

    first_frame: int
    motion: SmplMotion
    boxes: Floats
    confidence: Floats


def read_result(path: Path) -> Result:
    """The file that the worker wrote. Raises BadInput when fields are missing or have other shapes."""
    data = Arrays(path)
    fields = {name: data.floats(name) for name in (*_WIDTHS, "box_score")}
    shape = fields["box_score"].shape
    for name, width in _WIDTHS.items():
        if len(shape) != 2 or fields[name].shape != (*shape, width):
            raise BadInput(f"{path}: {name} has shape {fields[name].shape}; expected (T, N, {width})")
    means = np.concatenate([data.floats(f"{side}_hand_mean").reshape(-1) for side in ("left", "right")])
    if means.shape != (90,):
        raise BadInput(f"{path}: the mean hands have {means.size} numbers; expected 45 each")
    width, height = data.floats("size")
    return Result(fields, means, (float(width), float(height)))


def follow(name: str, result: Result, which: NDArray[np.int64], focal_px: float | None, pelvis: Floats) -> Person:
    """The motion of one person: `which` (T,) of the N people of each picture it is, −1 where it is not seen.

    `pelvis` (3,) is where the body model's pelvis rests. Gaps are filled between their ends.
    """
    seen = np.flatnonzero(which >= 0)
    found = {field: values[seen, which[seen]] for field, values in result.fields.items()}
    place = np.interp(np.arange(seen[0], seen[-1] + 1), seen, np.arange(len(seen)))
    hands = np.concatenate((found["left_hand_pose"], found["right_hand_pose"]), axis=1) + result.hand_mean
    face = np.concatenate((found["jaw_pose"], np.zeros((len(seen), 6))), axis=1)
    poses = np.concatenate((found["global_orient"], found["body_pose"]), axis=1)
    turns = sample_rotations(from_parameters(name, poses, hands, face), place)
    turns[:, 22:] = low_pass_rotations(despike_rotations(turns[:, 22:]), _FINGER_HZ, FPS)
    where = sample_positions(_in_camera(found, result.size, focal_px, pelvis), place)
    motion = SmplMotion(
        rotations=turns,
        translation=where - pelvis,
        betas=found["betas"].mean(axis=0).astype(np.float32),
        gender="neutral",
        fps=FPS,
        hands=True,
        expression=sample_positions(found["expression"], place).astype(np.float32),
    )
    whole = np.isclose(place, np.round(place))
    confidence = np.where(whole[:, None], sample_positions(_confidence(found), place), 0.0)
    return Person(int(seen[0]), motion, sample_positions(found["boxes"], place), confidence)


def _in_camera(
    found: Mapping[str, Floats], size: tuple[float, float], focal_px: float | None, pelvis: Floats
) -> Floats:
    """The pelvis (S, 3) in metres before the camera that took the whole picture.

    Each crop has a camera of its own, far away and with a very long lens: the pelvis is seen at the same pixel, and as
    large, by a camera with the picture's focal length that stands nearer.
    """
    focal = focal_px or float(np.hypot(*size))
    place = found["transl"] + pelvis
    pixel = found["focal"] * place[:, :2] / place[:, 2:] + found["centre"]
    depth = gaussian(place[:, 2] * focal / found["focal"].mean(axis=1), _SMOOTH_DEPTH_FRAMES)
    return np.column_stack(((pixel - 0.5 * np.array(size)) * depth[:, None] / focal, depth))


def _confidence(found: Mapping[str, Floats]) -> Floats:
    """(S, 55): the detector's score, for hands times the share of their joints that are in the picture."""
    score = found["box_score"][:, None]
    return np.concatenate((np.repeat(score, 25, axis=1), np.repeat(score * found["hand_inside"], 15, axis=1)), axis=1)
