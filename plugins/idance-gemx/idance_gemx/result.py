"""GEM-X's results (`hpe_results.pt`): SOMA parameters of one person, seen by the camera and in the world.

`body_params_global` and `body_params_incam` hold `global_orient` (T, 3), `body_pose` (T, 228), `transl` (T, 3) metres,
`identity_coeffs` (T, C) and `scale_params` (T, S); `K_fullimg` (T, 3, 3) is the camera in pixels. `transl` is the hips
themselves. The world has y up, the camera x right, y down, z away; a picture is 1 / 30 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idance_gemx import soma
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.capture.checkout import SmplMotion, load_tensors

Floats = NDArray[np.floating]
FPS = 30.0

_WORLD, _CAMERA = "body_params_global", "body_params_incam"
_PROPORTIONS = ("identity_coeffs", "scale_params")
_WIDTHS = {"global_orient": 3, "body_pose": 3 * 76, "transl": 3}
_LEAST_FINGER_MOTION = np.radians(3)


@dataclass(frozen=True, eq=False)
class Result:
    """What one run found: local rotations (T, 77, 4) and `transl` (T, 3) in the world and in the camera; `identity` and
    `scale`, the person's proportions; `intrinsics` (3, 3)."""

    world: tuple[Floats, Floats]
    camera: tuple[Floats, Floats]
    identity: Floats
    scale: Floats
    intrinsics: Floats

    @property
    def frames(self) -> int:
        """How many pictures there were."""
        return len(self.world[1])


def read_result(path: Path) -> Result:
    """All that the file says. Raises BadInput when fields are missing or have other shapes, or are not finite."""
    data = load_tensors(path)
    if not isinstance(data, dict):
        raise BadInput(f"{path}: holds {type(data).__name__}; expected GEM-X's results, a dictionary")
    world, camera = _pose(path, data, _WORLD), _pose(path, data, _CAMERA)
    intrinsics = np.asarray(data.get("K_fullimg", np.zeros(0)), np.float64).reshape(-1, 3, 3)
    if not len(intrinsics) or len(camera[1]) != len(world[1]):
        raise BadInput(f"{path}: K_fullimg {intrinsics.shape}, {len(camera[1])} frames in the camera; both are needed")
    sizes = [np.atleast_2d(np.asarray(data[_WORLD].get(key, np.zeros(0)), np.float64)) for key in _PROPORTIONS]
    return Result(world, camera, sizes[0].mean(axis=0), sizes[1].mean(axis=0), intrinsics[0])


def _pose(path: Path, data: dict[str, Any], name: str) -> tuple[Floats, Floats]:
    found = data.get(name)
    if not isinstance(found, dict) or not found.keys() >= _WIDTHS.keys():
        raise BadInput(
            f"{path}: no {name} with {', '.join(_WIDTHS)} in it; found {', '.join(sorted(data)) or 'nothing'}"
        )
    fields = {key: np.asarray(found[key], np.float64) for key in _WIDTHS}
    frames = len(np.atleast_1d(fields["transl"]))
    for key, width in _WIDTHS.items():
        if frames == 0 or fields[key].size != frames * width:
            raise BadInput(f"{path}: {name} {key} has shape {fields[key].shape}; expected ({frames}, {width})")
        if not np.isfinite(fields[key]).all():
            raise BadInput(f"{path}: {name} {key} is not finite")
    turns = np.concatenate((fields["global_orient"], fields["body_pose"].reshape(frames, -1)), axis=1)
    return rotation.from_axis_angle(turns.reshape(frames, len(soma.NAMES), 3)), fields["transl"].reshape(frames, 3)


def to_motion(pose: tuple[Floats, Floats], rest: Floats | None) -> SmplMotion:
    """A pose as SMPL-X motion. `rest` (22, 3): where the joints rest, the pelvis at the origin; average without.

    Fingers that never move were not looked for: the motion then has none.
    """
    turns = soma.to_smplx(pose[0])
    fingers = rotation.to_axis_angle(turns[:, BODY_JOINT_COUNT + 3 :])
    if rest is None:
        rest = soma.average_rest()
    return SmplMotion(
        rotations=turns,
        translation=pose[1],
        betas=np.zeros(0, np.float32),
        gender="neutral",
        fps=FPS,
        hands=bool(np.ptp(fingers, axis=0).max() > _LEAST_FINGER_MOTION),
        rest_joints=rest,
    )
