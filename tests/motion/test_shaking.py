from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.shaking import LEGS, ShakingRule, noise_level, steadied, without_shaking
from tests.motion.samples import crouch, standing_clip

TIMES = np.arange(300)
DANCER = crouch(standing_clip(300), 0.35 - 0.25 * np.cos(2 * np.pi * TIMES / 40))
RANDOM = np.random.default_rng(0)
SHAKE = RANDOM.normal(scale=0.004, size=(300, 3)).astype(np.float32)


def test_the_level_of_white_noise_is_its_deviation() -> None:
    """And that of a parabola is nothing."""
    noise = 0.004 * RANDOM.normal(size=(3000, 3))
    for order in (3, 4):
        assert noise_level(noise, order, 60.0).mean() == pytest.approx(0.004, rel=0.05)
    parabola = 0.01 * np.arange(90.0)[:, None] ** 2
    assert noise_level(parabola, 3, 30.0).max() < 1e-9


def test_a_body_that_does_not_shake_stays_itself() -> None:
    root, joints = without_shaking(DANCER.skeleton, DANCER.root_position, DANCER.joint_rotation)
    assert root is DANCER.root_position and joints is DANCER.joint_rotation
    short = RANDOM.normal(size=(11, 3)).astype(np.float32)
    assert without_shaking(DANCER.skeleton, short, DANCER.joint_rotation[:11])[0] is short


def test_a_shaking_root_comes_back_to_its_path() -> None:
    """Little more than half of the error is left, less than a tenth of the shaking; no other number is touched."""
    shaken = DANCER.root_position + SHAKE
    root, joints = without_shaking(DANCER.skeleton, shaken, DANCER.joint_rotation)
    error, before = root - DANCER.root_position, SHAKE
    assert np.linalg.norm(error, axis=1).mean() < 0.6 * np.linalg.norm(before, axis=1).mean()
    assert np.abs(np.diff(error, n=3, axis=0)).mean() < 0.1 * np.abs(np.diff(before, n=3, axis=0)).mean()
    assert joints is DANCER.joint_rotation


def test_shaking_legs_come_back_and_nothing_else_changes() -> None:
    turns = DANCER.joint_rotation.copy()
    noise = rotation.from_axis_angle(RANDOM.normal(scale=0.01, size=(300, 2, 3)))
    for index, joint in enumerate((1, 5)):
        turns[:, joint] = rotation.multiply(turns[:, joint].astype(float), noise[:, index])
    turns[100] *= -1  # the same rotations, by the other quaternion
    root, steady = without_shaking(DANCER.skeleton, DANCER.root_position, turns)
    assert root is DANCER.root_position
    assert np.flatnonzero((steady != turns).any(axis=(0, 2))).tolist() == [1, 5]
    assert set(LEGS) >= {1, 5}
    for joint in (1, 5):
        errors = [
            np.linalg.norm(
                rotation.to_axis_angle(rotation.multiply(rotation.inverse(DANCER.joint_rotation[:, joint]), found)),
                axis=1,
            ).mean()
            for found in (steady[:, joint], turns[:, joint])
        ]
        assert errors[0] < 0.6 * errors[1]
    assert (np.sum(steady * turns, axis=-1) > 0.9).all()


def test_smoothing_is_where_the_shaking_is() -> None:
    path = np.sin(TIMES / 12.0)[:, None] * 0.2
    shaken = path.copy()
    shaken[200:] += 0.004 * RANDOM.normal(size=(100, 1))
    result = steadied(shaken, 0.0004, 30.0, ShakingRule())
    assert np.abs(result - path)[:140].max() < 2e-4
    assert np.abs(result - path)[205:].mean() < 0.6 * np.abs(shaken - path)[205:].mean()


def test_an_impact_stays_sharp() -> None:
    """A fall that stops within a frame, shaken by 1 mm: the stop is not rounded by more than a few millimetres."""
    path = np.maximum(0.5 - 0.5 * 9.81 * (np.maximum(TIMES - 150, 0) / 30) ** 2, 0.2)[:, None]
    result = steadied(path + 0.001 * RANDOM.normal(size=(300, 1)), 0.0004, 30.0, ShakingRule())
    assert np.abs(result - path).max() < 0.012
