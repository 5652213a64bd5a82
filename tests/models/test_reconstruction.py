from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.models.reconstruction import compare, local_joints
from infinitedance_cli.motion.features import PAPER_259, RELEASE_264, FeatureLayout, clip_to_features
from tests.motion.samples import wandering_clip


@pytest.mark.parametrize("layout", [PAPER_259, RELEASE_264])
def test_joints_are_those_of_the_clip_but_for_place_and_heading(layout: FeatureLayout) -> None:
    clip = wandering_clip(40, turn=0.05)
    joints = local_joints(clip_to_features(clip, PAPER_259), "paper-259")
    real = clip.joint_positions()[:-1, :22]
    np.testing.assert_allclose(joints[..., 1], real[..., 1], atol=1e-5)
    distance = np.linalg.norm(joints - joints[:, :1], axis=-1)
    np.testing.assert_allclose(distance, np.linalg.norm(real - real[:, :1], axis=-1), atol=1e-5)
    assert local_joints(clip_to_features(clip, layout), layout.name).shape == (39, 22, 3)


def test_errors_by_hand() -> None:
    """One joint 0.1 m to the side is 100 mm over 22 joints; a pelvis 0.1 m higher moves every other joint."""
    real = clip_to_features(wandering_clip(40), PAPER_259)
    beside, above = real.copy(), real.copy()
    beside[:, PAPER_259.block("joint_position").start] += 0.1
    above[:, PAPER_259.block("root_height")] += 0.1
    found = compare(beside, real, "paper-259")
    assert found.mpjpe_mm == pytest.approx(100 / 22, rel=1e-3) and found.jitter_ratio == pytest.approx(1, rel=1e-4)
    assert compare(above, real, "paper-259").mpjpe_mm == pytest.approx(100 * 21 / 22, rel=1e-3)


def test_jerk_by_hand() -> None:
    """A pelvis that moves 1 cm up and down every frame: third differences of ± 1 cm · 8 / 2 = 4 cm, one joint of 22."""
    still = np.zeros((9, 259), np.float32)
    shaken = still.copy()
    shaken[1::2, PAPER_259.block("root_height")] = 0.01
    found = compare(shaken, still, "paper-259")
    assert found.jerk == pytest.approx(0.04 / 22) and found.real_jerk == 0 and found.jitter_ratio is None
    assert compare(shaken[:3], still[:3], "paper-259").jerk == 0
