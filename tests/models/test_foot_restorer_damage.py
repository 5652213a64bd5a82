from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.models.foot_restorer_damage import Artefacts, DamageRange, damage, wandering
from infinitedance_cli.motion import rotation
from tests.motion.samples import wandering_clip

CLIP = wandering_clip(3000, joints=55)
ALL = Artefacts(skating=0.04, jitter=0.003, height=0.05)


def damaged(artefacts: Artefacts, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return damage(CLIP.root_position, CLIP.joint_rotation, artefacts, np.random.default_rng(seed))


def test_only_root_and_legs_are_damaged() -> None:
    root, joints = damaged(ALL)
    changed = np.flatnonzero((joints != CLIP.joint_rotation).any(axis=(0, 2)))
    assert changed.tolist() == [1, 2, 4, 5, 7, 8]
    assert (root != CLIP.root_position).any(axis=0).all()
    np.testing.assert_allclose(np.linalg.norm(joints, axis=-1), 1, atol=1e-5)


def test_nothing_is_damaged_by_nothing() -> None:
    root, joints = damaged(Artefacts())
    assert Artefacts().is_clean and not ALL.is_clean
    assert np.array_equal(root, CLIP.root_position) and np.array_equal(joints, CLIP.joint_rotation)


def test_the_seed_decides() -> None:
    first, again, other = (damaged(ALL, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_sizes_are_what_they_say() -> None:
    shaken = damaged(Artefacts(jitter=0.003))
    assert (shaken[0] - CLIP.root_position).std() == pytest.approx(0.003, rel=0.05)
    turned = rotation.multiply(rotation.inverse(CLIP.joint_rotation[:, 4]), shaken[1][:, 4])
    angles = np.linalg.norm(rotation.to_axis_angle(turned), axis=-1)
    assert np.sqrt((angles**2).mean()) * 0.4 == pytest.approx(0.003, rel=0.05)
    glided = damaged(Artefacts(skating=0.04))[0] - CLIP.root_position
    assert glided[:, [0, 2]].std() == pytest.approx(0.04, rel=0.2) and not glided[:, 1].any()
    for height in (0.05, -0.05):
        floated = damaged(Artefacts(height=height))[0] - CLIP.root_position
        assert floated[:, 1].mean() == pytest.approx(height, rel=0.1) and not floated[:, [0, 2]].any()
        assert (np.abs(floated[:, 1]) <= 0.05 * 1.31).all() and (floated[:, 1] * height > 0).all()


def test_wandering_is_smooth_over_the_time_asked_for() -> None:
    """Unit variance; values that far apart are related by exp(-1/2): a Gaussian of that width."""
    noise = wandering(4000, 8, 6.0, np.random.default_rng(0))
    assert noise.std() == pytest.approx(1, rel=0.05)
    assert (noise[:-6] * noise[6:]).mean() == pytest.approx(np.exp(-0.5), rel=0.1)


def test_training_draws_within_its_ranges() -> None:
    ranges = DamageRange(clean=0.2, chance=0.5)
    drawn = [ranges.draw(np.random.default_rng(seed)) for seed in range(400)]
    assert np.mean([artefacts.is_clean for artefacts in drawn]) == pytest.approx(0.2 + 0.8 * 0.125, abs=0.06)
    heights = np.array([artefacts.height for artefacts in drawn if artefacts.height])
    assert 0.4 < (heights > 0).mean() < 0.6 and np.abs(heights).min() >= 0.01 and np.abs(heights).max() <= 0.07
    slides = np.array([artefacts.skating for artefacts in drawn if artefacts.skating])
    assert slides.min() >= 0.01 and slides.max() <= 0.08
