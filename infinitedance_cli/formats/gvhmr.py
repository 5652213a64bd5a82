"""GVHMR's results (`hmr4d_results.pt`): SMPL-X parameters of one person, seen by the camera and in the world.

`smpl_params_global` and `smpl_params_incam` hold `body_pose` (T, 63), `global_orient` (T, 3), `transl` (T, 3) and
`betas` (T, 10); `K_fullimg` (T, 3, 3) is the camera in pixels. The world has y up, the camera x right, y down, z away.
GVHMR reads one picture as 1 / 30 s, whatever the video says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._smplx import SmplMotion, from_parameters, to_clip
from infinitedance_cli.formats._smplx_model import rest_joints
from infinitedance_cli.formats._torch_file import is_torch_file, load_tensors
from infinitedance_cli.motion.clip import MotionClip

EXTENSIONS = (".pt",)
DESCRIPTION = "GVHMR's results: hmr4d_results.pt (read)"
FPS = 30.0

_WORLD, _CAMERA = "smpl_params_global", "smpl_params_incam"
_WIDTHS = {"global_orient": 3, "body_pose": 63, "transl": 3}


@dataclass(frozen=True, eq=False)
class GvhmrResult:
    """What one run found: SMPL-X motion in the `world` (y up) and in the `camera` (y down), `intrinsics` (T, 3, 3)."""

    world: SmplMotion
    camera: SmplMotion
    intrinsics: NDArray[np.float64]


def matches(path: Path) -> bool:
    """True for a file of torch.save with GVHMR's fields."""
    if not is_torch_file(path):
        return False
    try:
        data = load_tensors(path)
    except BadInput:
        return False
    return isinstance(data, dict) and _WORLD in data


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file. Raises BadInput when fields are missing or have other shapes."""
    name = path.parent.name if path.stem == "hmr4d_results" else path.stem
    yield to_clip(name, read_result(path).world, usual_up="y")


def read_result(path: Path, model: Path | None = None) -> GvhmrResult:
    """All that the file says. With the SMPL-X `model` file the pelvis and the legs are this person's own, else average.

    Raises BadInput when fields are missing or have other shapes, or a value is not finite.
    """
    data = load_tensors(path)
    if not isinstance(data, dict):
        raise BadInput(f"{path}: holds {type(data).__name__}; expected GVHMR's results, a dictionary")
    world, camera = _motion(path, data, _WORLD, model), _motion(path, data, _CAMERA, model)
    frames = len(world.translation)
    intrinsics = np.asarray(data.get("K_fullimg", np.zeros(0)), dtype=np.float64)
    if intrinsics.shape == (3, 3):
        intrinsics = np.repeat(intrinsics[None], frames, axis=0)
    if intrinsics.shape != (frames, 3, 3) or len(camera.translation) != frames:
        raise BadInput(
            f"{path}: {frames} frames in the world, {len(camera.translation)} in the camera, K_fullimg "
            f"{intrinsics.shape}; expected as many frames in each"
        )
    return GvhmrResult(world, camera, intrinsics)


def _motion(path: Path, data: dict[str, Any], name: str, model: Path | None) -> SmplMotion:
    found = data.get(name)
    if not isinstance(found, dict) or not found.keys() >= _WIDTHS.keys():
        raise BadInput(
            f"{path}: no {name} with {', '.join(_WIDTHS)} in it; found {', '.join(sorted(data)) or 'nothing'}"
        )
    fields = {key: np.asarray(found[key], dtype=np.float64) for key in _WIDTHS}
    frames = len(np.atleast_1d(fields["transl"]))
    for key, width in _WIDTHS.items():
        if fields[key].shape != (frames, width):
            raise BadInput(f"{path}: {name} {key} has shape {fields[key].shape}; expected ({frames}, {width})")
    poses = np.concatenate((fields["global_orient"], fields["body_pose"]), axis=1)
    betas = np.asarray(found.get("betas", np.zeros((1, 0))), dtype=np.float32)
    betas = np.atleast_2d(betas).mean(axis=0)
    return SmplMotion(
        rotations=from_parameters(str(path), poses, None, None),
        translation=fields["transl"],
        betas=betas,
        gender="neutral",
        fps=FPS,
        hands=False,
        rest_joints=None if model is None else rest_joints(model, betas),
    )
