"""SMPL parameters as a source: the joint frames are ours, so rotations go over as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.retarget.source import RoleJoint, SourceMotion, world_motion
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, SMPLX_PARENTS

Array = NDArray[np.floating]

_NAMES = SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT]
_PARENTS = SMPLX_PARENTS[:BODY_JOINT_COUNT]
# Where an adult's joints are from one another, to the centimetre, as SMPL's translation understands them: enough to
# tell where the feet stand. Left side; the right is its mirror image.
_OFFSETS_CM = {
    "pelvis": (0, -22, 3),
    "hip": (7, -9, 0),
    "knee": (3, -37.5, 0),
    "ankle": (-1, -40, -4),
    "foot": (3, -6, 12),
    "spine1": (0, 11, -3),
    "spine2": (0, 13.5, 0),
    "spine3": (0, 5.5, 3),
    "neck": (0, 21, -4),
    "head": (0, 6.5, 5),
    "collar": (8, 12, -3),
    "shoulder": (9, 3, -1),
    "elbow": (26, -1.5, -2.5),
    "wrist": (25, 1, 0),
}


def smpl_offsets() -> Array:
    """Offsets (22, 3) in metres of SMPL's joints from their parents, in rounded adult proportions."""
    offsets = []
    for name in _NAMES:
        side, _, base = name.rpartition("_")
        mirror = np.array([-1.0 if side == "right" else 1.0, 1.0, 1.0])
        offsets.append(np.array(_OFFSETS_CM[base], dtype=np.float64) * 0.01 * mirror)
    return np.stack(offsets)


def smpl_source(
    clip_id: str, fps: float, translation: Array, local_rotations: Array, offsets: Array | None = None
) -> SourceMotion:
    """SMPL motion as a source. `translation` (T, 3) metres at SMPL's size, y up; `local_rotations` (T, 22, 4).

    `offsets` (22, 3) metres from the parent, the pelvis's from `translation`; without them those of `smpl_offsets`.
    Raises BadInput on shapes that disagree or values that are not finite.
    """
    if local_rotations.shape != (len(translation), BODY_JOINT_COUNT, 4) or translation.shape[1:] != (3,):
        raise BadInput(
            f"clip {clip_id}: translation {translation.shape} and rotations {local_rotations.shape} do not agree; "
            f"expected (T, 3) and (T, {BODY_JOINT_COUNT}, 4)"
        )
    offsets = smpl_offsets() if offsets is None else offsets
    moving = np.repeat(offsets[None], len(translation), axis=0)
    moving[:, 0] += translation
    positions, rotations = world_motion(_PARENTS, moving, local_rotations.astype(np.float64))
    spines = {f"spine:{number}": _NAMES.index(f"spine{number + 1}") for number in range(3)}
    joints = {name: joint for joint, name in enumerate(_NAMES) if not name.startswith("spine")} | spines
    return SourceMotion(
        clip_id=clip_id,
        fps=fps,
        joint_names=_NAMES,
        parents=_PARENTS,
        offsets=offsets,
        positions=positions,
        rotations=rotations,
        roles={role: RoleJoint(joint, joint) for role, joint in joints.items()},
        rest_is_upright=True,
        frames_match=True,
    )
