"""Feature vectors in `.npy` files, whatever their layout."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._npy import read_floats, shape_of
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import (
    FeatureLayout,
    carried_features,
    carry_features,
    clip_to_features,
    features_to_clip,
)
from infinitedance_cli.motion.resample import require_smplx_joints, resample_clip

FPS = 30.0


def matches(path: Path, layout: FeatureLayout) -> bool:
    """True for one array (T, D) of the layout's width."""
    shape = shape_of(path)
    return len(shape) == 2 and shape[1] == layout.size


def read(path: Path, layout: FeatureLayout) -> MotionClip:
    """The clip of one file, which carries its rows. Raises BadInput on another shape or values that are not finite."""
    expected = f"{layout.name} features (T, {layout.size})"
    features = read_floats(path, expected)
    if features.ndim != 2 or features.shape[1] != layout.size or not len(features):
        raise BadInput(f"{path}: has shape {features.shape}; expected {expected}")
    clip = features_to_clip(features, layout, clip_id=path.name.split(".")[0], fps=FPS)
    return carry_features(clip, features, layout)


def write(clip: MotionClip, file: BinaryIO, layout: FeatureLayout, *, bit_compatible: bool = False) -> None:
    """The clip at 30 fps as features, float32: the rows that it carries, else those of its motion.

    `bit_compatible` as in `clip_to_features`. Raises BadInput when its joints are not SMPL-X's or it is too short.
    """
    require_smplx_joints(clip)
    rows = carried_features(clip, layout)
    if rows is None:
        rows = clip_to_features(resample_clip(clip, FPS), layout, bit_compatible=bit_compatible)
    np.save(file, rows)
