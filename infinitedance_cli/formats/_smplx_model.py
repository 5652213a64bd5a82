"""What SMPL-X's licensed model file says of a body at rest, where a user has that file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._arrays import Arrays
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES

_JOINTS = len(SMPLX_JOINT_NAMES)


def rest_joints(model: Path, betas: NDArray[np.floating]) -> NDArray[np.float64]:
    """Joints (55, 3) in metres of SMPL-X at rest with these `betas` (B,): `J_regressor · (v_template + shapedirs β)`.

    `model` is SMPLX_NEUTRAL.npz or another gender's. The result is the user's own: nothing of the model is kept.
    Raises BadInput when it is no such file.
    """
    data = Arrays(model)
    template, directions, regressor = (data.floats(name) for name in ("v_template", "shapedirs", "J_regressor"))
    vertices = len(template)
    fits = template.shape == (vertices, 3) and directions.shape[:2] == (vertices, 3) and directions.ndim == 3
    if not fits or regressor.shape != (_JOINTS, vertices) or directions.shape[2] < len(betas):
        raise BadInput(
            f"{model}: v_template {template.shape}, shapedirs {directions.shape}, J_regressor {regressor.shape}; "
            f"expected SMPL-X with {_JOINTS} joints and {len(betas)} betas or more"
        )
    joints: NDArray[np.float64] = regressor @ (template + directions[:, :, : len(betas)] @ betas.astype(np.float64))
    return joints
