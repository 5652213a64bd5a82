"""The release's features against a second, plain writing of how they are made, and back to joints: 1e-4."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import (
    HUMANML_BONE_LENGTHS,
    RELEASE_264,
    clip_to_features,
    features_to_joints,
    motion_to_features,
    release_to_paper,
    to_release_frame,
)
from tests.motion import plain_release as plain
from tests.motion.samples import wandering_clip

_TOLERANCE = 1e-4


def _spinning() -> MotionClip:
    """Nearly two turns, so that the heading crosses ±180° against frame 0, elsewhere than at the origin."""
    clip = wandering_clip(120, seed=3, turn=0.1)
    return replace(clip, root_position=clip.root_position + np.array([1.5, 0.2, -2.0], np.float32))


@pytest.fixture(scope="module", params=["wandering", "turning", "spinning"])
def clip(request: pytest.FixtureRequest) -> MotionClip:
    clips = {
        "wandering": wandering_clip(60),
        "turning": wandering_clip(60, seed=1, turn=-0.02),
        "spinning": _spinning(),
    }
    return clips[request.param]


@pytest.fixture(scope="module")
def expected(clip: MotionClip) -> np.ndarray:
    joints = clip.joint_positions()[:, :22].astype(np.float64)
    return plain.extract(plain.place(plain.uniform_skeleton(joints)))


def test_bone_lengths_are_those_of_humanml() -> None:
    assert HUMANML_BONE_LENGTHS.tolist() == plain.BONE_LENGTHS


def test_features_of_a_clip_are_the_releases(clip: MotionClip, expected: np.ndarray) -> None:
    found = clip_to_features(clip, RELEASE_264, bit_compatible=True)
    assert found.shape == expected.shape == (clip.frames - 1, 264)
    contact = RELEASE_264.block("contact")
    assert np.array_equal(found[:, contact], expected[:, contact])
    assert np.abs(found - expected).max() < _TOLERANCE
    assert 0 < expected[:, contact].mean() < 1


def test_one_frame_of_the_spin_turns_the_wrong_way() -> None:
    clip = _spinning()
    joints = clip.joint_positions()[:, :22].astype(np.float64)
    quirky = plain.extract(plain.place(plain.uniform_skeleton(joints)))
    placed = to_release_frame(joints, uniform=True)
    mended = motion_to_features(placed, None, RELEASE_264)
    wrong = np.flatnonzero(np.abs(quirky[:, 2] - mended[:, 2]) > _TOLERANCE)
    assert len(wrong) > 0
    assert np.abs(quirky[wrong, 2] + mended[wrong, 2]).max() < _TOLERANCE
    others = np.setdiff1d(np.arange(264), [1, 2])  # nothing but the yaw's sign and its sum is mended
    assert np.abs(quirky[:, others] - mended[:, others]).max() < _TOLERANCE


def test_placing_alone(clip: MotionClip) -> None:
    joints = clip.joint_positions()[:, :22].astype(np.float64)
    assert np.abs(to_release_frame(joints) - plain.place(joints)).max() < _TOLERANCE
    uniform = plain.place(plain.uniform_skeleton(joints))
    assert np.abs(to_release_frame(joints, uniform=True) - uniform).max() < _TOLERANCE


def test_joints_of_features(expected: np.ndarray) -> None:
    found = features_to_joints(expected, RELEASE_264)
    assert np.abs(found - plain.recover(expected)).max() < _TOLERANCE


def test_joints_of_features_that_no_body_has() -> None:
    """Decoded features keep no bone lengths; columns 1 and 68 to 263 count for nothing."""
    features = np.random.default_rng(0).normal(scale=0.3, size=(200, 264))
    found = features_to_joints(features, RELEASE_264)
    assert np.abs(found - plain.recover(features)).max() < _TOLERANCE
    other = features.copy()
    other[:, 1] = 9
    other[:, 68:] = 9
    assert np.array_equal(features_to_joints(other, RELEASE_264), found)


def test_the_papers_columns(expected: np.ndarray) -> None:
    order = [2, 3, 4, 0, *range(194, 260), *range(5, 68), *range(68, 194)]
    assert np.array_equal(release_to_paper(expected), expected[:, order].astype(np.float32))


def test_rotations_are_columns_of_matrices_not_rows() -> None:
    q = rotation.normalize(np.random.default_rng(0).normal(size=4))
    columns = np.concatenate([plain.matrix(q)[:, 0], plain.matrix(q)[:, 1]])
    assert np.abs(rotation.to_6d(q) - columns).max() < 1e-9
