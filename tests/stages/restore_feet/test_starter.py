"""The weights that are shipped, on a made-up dancer whose floor is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.models.checkpoint import load_model
from infinitedance_cli.models.foot_restorer import FootRestorer
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS, foot_rest_heights
from infinitedance_cli.stages.restore_feet.config import RestoreFeetConfig
from infinitedance_cli.stages.restore_feet.stage import restore_clip
from infinitedance_cli.stages.restore_feet.weights import weights_path
from tests.motion.samples import crouch, standing_clip


@pytest.fixture(scope="module")
def starter() -> FootRestorer:
    return load_model(weights_path("starter"), FootRestorer)


def dancer() -> MotionClip:
    """Bends and stretches the knees on the spot, feet flat on the floor."""
    return crouch(standing_clip(240), 0.35 - 0.25 * np.cos(2 * np.pi * np.arange(240) / 40))


@pytest.mark.parametrize("height", [0.05, -0.05])
def test_floating_and_sinking_feet_come_back_to_the_floor(starter: FootRestorer, height: float) -> None:
    clip = dancer()
    wrong = replace(clip, root_position=clip.root_position + np.array([0, height, 0], np.float32))
    result = restore_clip(wrong, starter, RestoreFeetConfig())
    error = result.joint_positions()[:, FOOT_JOINTS, 1] - foot_rest_heights()
    assert np.abs(error).mean() < 0.01
    assert np.abs(result.root_position - clip.root_position)[:, 1].mean() < 0.4 * abs(height)


def test_a_shaking_dancer_shakes_no_more(starter: FootRestorer) -> None:
    clip = dancer()
    shake = np.random.default_rng(0).normal(scale=0.005, size=(240, 3)).astype(np.float32)
    result = restore_clip(replace(clip, root_position=clip.root_position + shake), starter, RestoreFeetConfig())
    feet = np.diff(result.joint_positions()[:, FOOT_JOINTS], axis=0)
    assert np.linalg.norm(feet, axis=-1).mean() < 0.25 * np.linalg.norm(np.diff(shake, axis=0), axis=-1).mean()


def test_a_clean_dancer_passes(starter: FootRestorer) -> None:
    clip = dancer()
    result = restore_clip(clip, starter, RestoreFeetConfig())
    assert np.linalg.norm(result.joint_positions() - clip.joint_positions(), axis=-1).mean() < 0.005
