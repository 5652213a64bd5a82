"""Motion as a foreign file tells it: any skeleton, any unit, any up axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation


class RoleJoint(NamedTuple):
    """Where a body role is read in a source: the joint of its position and the joint whose rotation turns its bone."""

    position: int
    rotation: int


@dataclass(frozen=True)
class SourceMotion:
    """Motion of a foreign skeleton, before retargeting. Unit and up axis are the source's own.

    `joint_names` J names (End Sites too, as joints that never turn); `parents` J indices, −1 for the root, each
    parent before its children; `offsets` (J, 3) from the parent in the rest pose, in which every joint frame is
    world-aligned; `positions` (T, J, 3) in the world; `rotations` (T, J, 4) in the world, None when only positions
    are known; `ends` indices of End Sites. `roles` names our joints ("left_knee") in the source and spares the
    guess by name, `y_is_up` that of the up axis; `rest_is_upright` False says that the rest pose means nothing, None
    that it has to be judged; `frames_match` True says that joint frames are ours (SMPL): rotations go over as they are.

    Raises BadInput on shapes that disagree or values that are not finite.
    """

    clip_id: str
    fps: float
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray[np.floating]
    positions: NDArray[np.floating]
    rotations: NDArray[np.floating] | None = None
    ends: frozenset[int] = frozenset()
    roles: Mapping[str, RoleJoint] | None = None
    rest_is_upright: bool | None = None
    frames_match: bool = False
    y_is_up: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames, joints = len(self.positions), len(self.joint_names)
        shapes_agree = self.positions.shape == (frames, joints, 3) and self.offsets.shape == (joints, 3)
        if not shapes_agree or len(self.parents) != joints:
            raise BadInput(
                f"clip {self.clip_id}: {joints} joint names, {len(self.parents)} parents, offsets {self.offsets.shape} "
                f"and positions {self.positions.shape} do not agree"
            )
        if self.rotations is not None and self.rotations.shape != (frames, joints, 4):
            raise BadInput(f"clip {self.clip_id}: rotations {self.rotations.shape}; expected ({frames}, {joints}, 4)")
        if frames == 0:
            raise BadInput(f"clip {self.clip_id}: it has no frames")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise BadInput(f"clip {self.clip_id}: fps is {self.fps}; expected a positive number")
        finite = np.isfinite(self.positions).reshape(frames, -1).all(axis=1)
        if self.rotations is not None:
            finite &= np.isfinite(self.rotations).reshape(frames, -1).all(axis=1)
        if not finite.all():
            raise BadInput(f"clip {self.clip_id}: a value is not finite at frame {int(np.argmin(finite))}")

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.positions)

    def children(self, joint: int) -> tuple[int, ...]:
        """Indices of the joints whose parent is `joint`."""
        return tuple(child for child, parent in enumerate(self.parents) if parent == joint)

    def rest_positions(self) -> NDArray[np.floating]:
        """Joint positions (J, 3) in the rest pose, with the root at its offset."""
        positions = self.offsets.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                positions[joint] += positions[parent]
        return positions


def world_motion(
    parents: tuple[int, ...], translations: NDArray[np.floating], local_rotations: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """World positions (T, J, 3) and rotations (T, J, 4) of joints whose translations (T, J, 3) may change in time."""
    positions = translations.copy()
    rotations = local_rotations.copy()
    for joint, parent in enumerate(parents):
        if parent < 0:
            continue
        rotations[:, joint] = rotation.multiply(rotations[:, parent], local_rotations[:, joint])
        positions[:, joint] = positions[:, parent] + rotation.rotate(rotations[:, parent], translations[:, joint])
    return positions, rotations
