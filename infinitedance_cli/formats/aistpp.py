"""AIST++ motions: the published pickles (`smpl_poses`, `smpl_scaling`, `smpl_trans`) at 60 fps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._arrays import UNREADABLE
from infinitedance_cli.formats._safe_pickle import as_floats, load_arrays
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.retarget import floor_of, retarget, smpl_source
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT

EXTENSIONS = (".pkl",)
DESCRIPTION = "AIST++ motion: SMPL poses, scaling and translation (read)"
AISTPP_FPS = 60.0
_KEYS = ("smpl_poses", "smpl_scaling", "smpl_trans")


def matches(path: Path) -> bool:
    """True for a pickle of arrays with AIST++'s keys."""
    try:
        data = load_arrays(Path(path))
    except BadInput:
        return False
    return isinstance(data, dict) and all(key in data for key in _KEYS)


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file on our skeleton at 30 fps. Raises BadInput when it is no AIST++ motion."""
    path = Path(path)
    translation, rotations = smpl_motion(load_arrays(path, str(path)), str(path))
    yield retarget(smpl_source(path.stem, AISTPP_FPS, translation, rotations))


def smpl_motion(data: Any, name: str) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Translation (T, 3) in metres at SMPL's size and local rotations (T, 22, 4) of a loaded file.

    AIST++ scales the whole body by `smpl_scaling`, so its translation in metres is `smpl_trans / smpl_scaling`.
    """
    missing = [key for key in _KEYS if not isinstance(data, dict) or key not in data]
    if missing:
        raise BadInput(f"{name}: no {missing[0]!r} in it; expected an AIST++ motion with {', '.join(_KEYS)}")
    poses, translation = as_floats(data["smpl_poses"]), as_floats(data["smpl_trans"])
    scaling = float(as_floats(data["smpl_scaling"]).reshape(-1)[0])
    frames = len(translation)
    if poses.ndim != 2 or poses.shape != (frames, 72) or translation.shape != (frames, 3) or not scaling > 0:
        raise BadInput(
            f"{name}: smpl_poses {poses.shape}, smpl_trans {translation.shape}, smpl_scaling {scaling:.4g}; "
            "expected (T, 72), (T, 3) and a positive number"
        )
    turns = rotation.from_axis_angle(poses.reshape(frames, 24, 3)[:, :BODY_JOINT_COUNT])
    return translation / scaling, turns


def read_segments(path: Path) -> Iterator[tuple[MotionClip, float, float]]:
    """Clips cut into 2-s segments (.npz with `<clip>/trans`, `<clip>/joint_rotation_wxyz`, `<clip>/bpm`).

    Yields (clip, tempo of its music in BPM, second of the music at which the clip starts); the music's first beat is
    at second 0. All segments of a clip stand on one floor. Raises BadInput when the file is something else.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            names = sorted({key.split("/")[0] for key in data.files if key.endswith("/trans")})
            if not names:
                raise BadInput(f"{path}: no <clip>/trans in it; expected AIST++ segments")
            fps = float(data["fps"])
            loaded = {
                name: (
                    as_floats(data[f"{name}/trans"]),
                    as_floats(data[f"{name}/joint_rotation_wxyz"]),
                    float(data[f"{name}/bpm"]),
                )
                for name in names
            }
    except UNREADABLE as error:
        raise BadInput(f"{path}: {error}; expected AIST++ segments (.npz)") from None
    for name, (translation, turns, tempo) in loaded.items():
        pieces = [smpl_source(f"{name}__{k + 1}", fps, translation[k], turns[k]) for k in range(len(translation))]
        floor = floor_of(pieces)
        for number, piece in enumerate(pieces):
            yield retarget(piece, floor=floor), tempo, number * translation.shape[1] / fps
