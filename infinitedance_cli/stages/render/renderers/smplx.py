"""The SMPL-X body, from the model files that a user has a licence for.

Only numbers are read from the .npz, and the skin follows the joints linearly: the correctives that depend on the pose
are left out, as in every format that games and browsers read.
"""

from __future__ import annotations

import logging
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.resample import require_smplx_joints
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.render.figure import Figure, vertex_normals
from infinitedance_cli.stages.render.renderers.body import suit_colours
from infinitedance_cli.stages.render.smplx_files import ENVIRONMENT, find_smplx

DESCRIPTION = "the SMPL-X body, from your own model files"

logger = logging.getLogger(__name__)

_KEYS = ("v_template", "f", "weights", "J_regressor", "shapedirs")
_MOST_BETAS = 300
"""SMPL-X stores shape directions first and those of the expression after."""
_INFLUENCES = 4


def figure(clip: MotionClip, files: Path | None = None) -> Figure:
    """The SMPL-X body in the clip's shape.

    Raises MissingResource when no model file is found, BadInput when it is not SMPL-X's or the clip has other joints.
    """
    require_smplx_joints(clip)
    gender = clip.body.gender if clip.body is not None else "neutral"
    path = find_smplx(files, gender)
    if path is None:
        place = f"in {files}" if files else "anywhere"
        raise MissingResource(
            f"--style smplx: no SMPLX_NEUTRAL.npz was found {place}; download it from smpl-x.is.tue.mpg.de (its "
            f"licence is yours to accept) and name it with --smplx or {ENVIRONMENT}"
        )
    betas = clip.body.betas if clip.body is not None and clip.body.model == "smplx" else np.zeros(0, np.float32)
    return _shaped(path, tuple(float(beta) for beta in betas))


@lru_cache(maxsize=8)
def _shaped(path: Path, betas: tuple[float, ...]) -> Figure:
    model = _read(path)
    directions = model["shapedirs"][..., : min(len(betas), _MOST_BETAS)]
    vertices = model["v_template"] + directions @ np.asarray(betas[: directions.shape[-1]], np.float64)
    rest = model["J_regressor"] @ vertices
    faces = model["f"].astype(np.int32)
    indices, weights = strongest(model["weights"])
    vertices = vertices.astype(np.float32)
    return Figure(
        vertices=vertices,
        normals=vertex_normals(vertices, faces),
        faces=faces,
        joint_indices=indices,
        joint_weights=weights,
        rest_positions=rest.astype(np.float32),
        colours=suit_colours(indices, weights),
    )


def strongest(weights: NDArray[np.floating]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Joints (V, 4) and weights (V, 4), which sum to one, of the four strongest of dense `weights` (V, J)."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :_INFLUENCES]
    kept = np.take_along_axis(weights, order, axis=1)
    return order.astype(np.uint8), (kept / kept.sum(axis=1, keepdims=True)).astype(np.float32)


def _read(path: Path) -> dict[str, NDArray[np.floating]]:
    try:
        with np.load(path, allow_pickle=False) as data:
            model: dict[str, NDArray[np.floating]] = {key: np.asarray(data[key], np.float64) for key in _KEYS}
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path}: is not an SMPL-X model in .npz form ({reason}); expected SMPLX_NEUTRAL.npz") from error
    joints = len(SMPLX_JOINT_NAMES)
    count = len(model["v_template"])
    if model["weights"].shape != (count, joints) or model["J_regressor"].shape != (joints, count):
        raise BadInput(
            f"{path}: weights {model['weights'].shape} and J_regressor {model['J_regressor'].shape} are not SMPL-X's; "
            f"expected {joints} joints"
        )
    return model
