"""The named columns of the motion feature vectors, so that no code counts columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, UsageError


@dataclass(frozen=True)
class FeatureLayout:
    """A feature vector as consecutive named blocks.

    `blocks` lists (name, width) in column order; slices are derived from it. Widths count floats per frame.
    """

    name: str
    blocks: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Number of columns D."""
        return sum(width for _, width in self.blocks)

    @property
    def block_names(self) -> tuple[str, ...]:
        """Block names in column order."""
        return tuple(name for name, _ in self.blocks)

    def block(self, name: str) -> slice:
        """The columns of the block called `name`; raises UsageError when the layout has none."""
        ends = list(accumulate(width for _, width in self.blocks))
        for (known, width), end in zip(self.blocks, ends, strict=True):
            if known == name:
                return slice(end - width, end)
        raise UsageError(f"layout {self.name} has no block {name!r}; it has {', '.join(self.block_names)}")

    def assemble(self, parts: dict[str, NDArray[np.floating]]) -> NDArray[np.float32]:
        """Features (T, D) float32 from one (T, width) array per block."""
        return np.concatenate([parts[name] for name in self.block_names], axis=-1).astype(np.float32)

    def check(self, features: NDArray[np.floating]) -> None:
        """Raise BadInput unless `features` is (T, D) with at least one frame."""
        if features.ndim != 2 or features.shape[1] != self.size or len(features) == 0:
            raise BadInput(f"{self.name} features have shape {features.shape}; expected (T, {self.size}) with T ≥ 1")


PAPER_259 = FeatureLayout(
    "paper-259",
    (
        ("yaw_velocity", 1),
        ("root_velocity", 2),
        ("root_height", 1),
        ("joint_velocity", 66),
        ("joint_position", 63),
        ("joint_rotation", 126),
    ),
)
"""The paper's vector (FRDM, section 3.2): root 4 | joint velocities | joint positions | SMPL-like local rotations.

yaw_velocity     half the yaw step to the next frame, rad, of the turn world → heading frame (as in HumanML3D)
root_velocity    (x, z) of the pelvis' step to the next frame, m/frame, in the heading frame of the *next* frame
root_height      pelvis y, m
joint_velocity   22 × 3, step to the next frame, m/frame, in the heading frame
joint_position   joints 1..21 × 3, m, pelvis x and z removed (y is absolute), in the heading frame
joint_rotation   joints 1..21 × 6, first two columns of the rotation local to the parent
"""

RELEASE_264 = FeatureLayout(
    "release-264",
    (
        ("root_height", 1),
        ("accumulated_yaw", 1),
        ("yaw_velocity", 1),
        ("root_velocity", 2),
        ("joint_position", 63),
        ("joint_rotation", 126),
        ("joint_velocity", 66),
        ("contact", 4),
    ),
)
"""The vector of the InfiniteDance release. Blocks as in `PAPER_259`, but

accumulated_yaw  sum of yaw_velocity over the earlier frames, rad (half-angle)
joint_rotation   swing-only rotations derived from the positions (HumanML3D's inverse kinematics), no SMPL pose
contact          left ankle, left foot, right ankle, right foot, 0 or 1
"""

LAYOUTS = {layout.name: layout for layout in (PAPER_259, RELEASE_264)}


def layout_named(name: str) -> FeatureLayout:
    """The layout called `name` (paper-259, release-264); raises UsageError when there is none."""
    if name not in LAYOUTS:
        raise UsageError(f"no feature layout is called {name!r}; known layouts: {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def release_to_paper(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """264-d features (T, 264) reordered to the paper's 259 columns.

    A pure permutation that drops accumulated yaw and contacts: the rotations stay the release's swing-only ones.
    """
    RELEASE_264.check(features)
    return PAPER_259.assemble({name: features[:, RELEASE_264.block(name)] for name in PAPER_259.block_names})
