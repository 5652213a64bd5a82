"""Feature vectors of motion: the paper's 259 columns and the release's 264, as named blocks, both directions."""

from infinitedance_cli.motion.features.carried import carried_features, carried_joints, carry_features
from infinitedance_cli.motion.features.convert import (
    Placement,
    clip_placement,
    clip_to_features,
    features_to_clip,
    motion_to_features,
)
from infinitedance_cli.motion.features.foreign import (
    HUMANML_BONE_LENGTHS,
    to_facing,
    to_floor,
    to_origin,
    to_release_frame,
    to_uniform_skeleton,
)
from infinitedance_cli.motion.features.layout import (
    LAYOUTS,
    PAPER_259,
    RELEASE_264,
    FeatureLayout,
    layout_named,
    release_to_paper,
)
from infinitedance_cli.motion.features.pose import fit_rotation, pose_from_positions
from infinitedance_cli.motion.features.trajectory import features_to_joints

__all__ = [
    "HUMANML_BONE_LENGTHS",
    "LAYOUTS",
    "PAPER_259",
    "RELEASE_264",
    "FeatureLayout",
    "Placement",
    "carried_features",
    "carried_joints",
    "carry_features",
    "clip_placement",
    "clip_to_features",
    "features_to_clip",
    "features_to_joints",
    "fit_rotation",
    "layout_named",
    "motion_to_features",
    "pose_from_positions",
    "release_to_paper",
    "to_facing",
    "to_floor",
    "to_origin",
    "to_release_frame",
    "to_uniform_skeleton",
]
