"""SMPL-X parameters as the smplx package and programs that estimate pose from video name them.

`global_orient` (T, 3), `body_pose` (T, 63 or 69), `transl` (T, 3) and, where they are there, `left_hand_pose` and
`right_hand_pose` (T, 45), `jaw_pose`, `leye_pose`, `reye_pose` (T, 3), `betas`, `expression`, `fps`; in an `.npz` or a
pickle of numpy arrays. No axis convention comes with these files: the up axis is told from the body itself, y in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._arrays import Arrays, keys_of
from infinitedance_cli.formats._smplx import SmplMotion, from_parameters, to_clip
from infinitedance_cli.formats.npz import CLIP_KEY
from infinitedance_cli.motion.clip import MotionClip

EXTENSIONS = (".npz", ".pkl")
DESCRIPTION = "SMPL-X parameters: global_orient, body_pose, transl (read)"

_NEEDED = frozenset(("global_orient", "body_pose"))
_RATES = ("fps", "mocap_frame_rate", "mocap_framerate")
_USUAL_FPS = 30.0
_BODY = 63


def matches(path: Path) -> bool:
    """True for arrays with these keys that are not ours."""
    keys = keys_of(path)
    return CLIP_KEY not in keys and keys >= _NEEDED


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file. Raises BadInput when fields are missing or have other shapes."""
    data = Arrays(path)
    count = len(np.atleast_1d(data.floats("global_orient")))
    body = np.concatenate((_rows(data, "global_orient", count), _rows(data, "body_pose", count)[:, :_BODY]), axis=1)
    hands = _together(data, count, "left_hand_pose", "right_hand_pose")
    betas = data.get("betas")
    expression = _rows(data, "expression", count) if "expression" in data.keys else None
    motion = SmplMotion(
        rotations=from_parameters(str(path), body, hands, _together(data, count, "jaw_pose", "leye_pose", "reye_pose")),
        translation=data.floats("transl", "trans") if {"transl", "trans"} & data.keys else np.zeros((count, 3)),
        betas=np.zeros(0, np.float32) if betas is None else betas.astype(np.float32).reshape(-1)[:10],
        gender=data.text("gender", "neutral"),
        fps=data.number(*_RATES, default=_USUAL_FPS),
        hands=hands is not None,
        expression=None if expression is None else expression.astype(np.float32),
    )
    yield to_clip(path.stem, motion, usual_up="y")


def _rows(data: Arrays, name: str, frames: int) -> NDArray[np.float64]:
    """A field as (T, N): some programs keep the joints apart, (T, N / 3, 3)."""
    values = data.floats(name)
    if values.ndim < 2 or len(values) != frames or frames == 0:
        raise BadInput(f"{data.path}: {name} has shape {values.shape}; expected one row for each of {frames} frames")
    return values.reshape(frames, -1)


def _together(data: Arrays, frames: int, *names: str) -> NDArray[np.float64] | None:
    """These fields side by side, None unless the file has all."""
    if not data.keys >= set(names):
        return None
    return np.concatenate([_rows(data, name, frames) for name in names], axis=1)
