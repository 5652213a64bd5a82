"""AMASS archives: SMPL-H (`poses` 156), SMPL-X "stage ii" (`poses` 165 or its parts) and SMPL (`poses` 72).

The world has z up and is turned to ours. Both spellings of the frame rate are read. Joint rotations go over as they
are; where the body stands follows the floor rule of `retarget_smpl`, since AMASS's translation is that of a licensed
body (see `infinitedance_cli.formats._smplx`).
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

EXTENSIONS = (".npz",)
DESCRIPTION = "AMASS: SMPL, SMPL-H or SMPL-X poses with z up (read)"

_RATES = ("mocap_frame_rate", "mocap_framerate", "fps")
_USUAL_FPS = 30.0
_SMPL, _SMPLH, _SMPLX = 72, 156, 165


def matches(path: Path) -> bool:
    """True for an archive with AMASS's keys that is not ours."""
    keys = keys_of(path)
    return CLIP_KEY not in keys and "trans" in keys and ("poses" in keys or {"root_orient", "pose_body"} <= keys)


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file. Raises BadInput when fields are missing or have other shapes."""
    data = Arrays(path)
    body, hands, face = _parts(data)
    betas = data.get("betas")
    motion = SmplMotion(
        rotations=from_parameters(str(path), body, hands, face),
        translation=data.floats("trans"),
        betas=np.zeros(0, np.float32) if betas is None else betas.astype(np.float32).reshape(-1)[:16],
        gender=data.text("gender", "neutral"),
        fps=data.number(*_RATES, default=_USUAL_FPS),
        hands=hands is not None,
    )
    yield to_clip(path.stem, motion, usual_up="z")


_Part = NDArray[np.float64] | None


def _parts(data: Arrays) -> tuple[NDArray[np.float64], _Part, _Part]:
    """Body (T, ≥66), hands (T, 90) and face (T, 9) axis-angles."""
    if "poses" not in data.keys:
        body = np.concatenate((data.floats("root_orient"), data.floats("pose_body")), axis=1)
        hands = data.floats("pose_hand") if "pose_hand" in data.keys else None
        has_face = {"pose_jaw", "pose_eye"} <= data.keys
        face = np.concatenate((data.floats("pose_jaw"), data.floats("pose_eye")), axis=1) if has_face else None
        return body, hands, face
    poses = data.floats("poses")
    width = poses.shape[1] if poses.ndim == 2 else 0
    if width == _SMPLX:
        return poses[:, :66], poses[:, 75:], poses[:, 66:75]
    if width == _SMPLH:
        return poses[:, :66], poses[:, 66:], None
    if width == _SMPL:
        # SMPL's joints 22 and 23 are whole hands; they are no fingers of ours.
        return poses[:, :66], None, None
    raise BadInput(
        f"{data.path}: poses has shape {poses.shape}; expected (T, {_SMPL}) SMPL, (T, {_SMPLH}) SMPL-H or "
        f"(T, {_SMPLX}) SMPL-X"
    )
