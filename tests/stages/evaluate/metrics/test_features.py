"""Kinetic and geometric features against a plain, frame-by-frame reading of their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.evaluate.metrics.geometric import (
    HIP_WIDTH,
    HUMERUS,
    QUESTIONS,
    SHOULDER_WIDTH,
    geometric_features,
)
from infinitedance_cli.stages.evaluate.metrics.kinetic import kinetic_features, published_frame
from tests.motion.samples import standing_clip, wandering_clip


def dance(frames: int = 60, seed: int = 0) -> np.ndarray:
    return wandering_clip(frames, seed, joints=22, turn=0.05).joint_positions().astype(np.float64)


def test_published_frame_keeps_only_the_pelvis_path() -> None:
    joints = dance()
    framed = published_frame(joints)
    np.testing.assert_allclose(framed[:, 0], joints[:, 0] - joints[0, 0])
    np.testing.assert_allclose(framed[:, 1:], joints[:, 1:] - joints[:, :1], atol=1e-12)
    assert len(published_frame(np.zeros((2000, 22, 3)))) == 1024


def test_kinetic_energy_of_a_steady_walk_by_hand() -> None:
    joints = np.repeat(standing_clip(30).joint_positions().astype(np.float64), 1, axis=0)
    joints += np.arange(30)[:, None, None] * np.array([0.01, 0.002, 0.0])
    features = kinetic_features(joints).reshape(22, 3)
    # One sixtieth of a second a frame: 0.6 m/s along x, 0.12 m/s up; only the pelvis moves in the published frame.
    np.testing.assert_allclose(features[0, :2], [0.36, 0.0144], rtol=1e-6)
    np.testing.assert_allclose(features[1:, :2], 0, atol=1e-9)
    mended = kinetic_features(joints, mended=True).reshape(22, 3)
    np.testing.assert_allclose(mended[0], [0.09, 0.0036, 0], rtol=1e-6, atol=1e-9)


def test_published_expenditure_is_position_not_acceleration() -> None:
    joints = standing_clip(20).joint_positions().astype(np.float64)
    features = kinetic_features(joints).reshape(22, 3)
    # A still joint at p: ((p − p)·60 − (p − 60 p))·60 = 3540 p.
    head = np.linalg.norm(joints[0, 15] - joints[0, 0])
    assert features[15, 2] == pytest.approx(3540 * head, rel=1e-6)
    assert kinetic_features(joints, mended=True).reshape(22, 3)[15, 2] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("frames", [3, 4, 7, 40])
def test_kinetic_windows_at_the_ends(frames: int) -> None:
    joints = dance(frames)
    framed, step = published_frame(joints), 1 / 60
    expected = np.zeros((22, 3))
    for i in range(1, frames):
        steps = [framed[k] - framed[k - 1] for k in range(i - 2, i + 3) if 1 <= k < frames]
        velocity = np.mean(steps, axis=0) / step
        accelerations = [
            ((framed[k + 1] - framed[k]) / step - (framed[k] - framed[k - 1] / step)) / step
            for k in range(i - 2, i + 3)
            if 1 <= k < frames - 1
        ]
        expected[:, 0] += velocity[:, 0] ** 2 + velocity[:, 2] ** 2
        expected[:, 1] += velocity[:, 1] ** 2
        expected[:, 2] += np.linalg.norm(np.mean(accelerations, axis=0), axis=-1)
    np.testing.assert_allclose(kinetic_features(joints), (expected / (frames - 1)).ravel(), rtol=1e-9)


def test_too_short_dances_are_refused() -> None:
    with pytest.raises(BadInput, match="T ≥ 3"):
        kinetic_features(np.zeros((2, 22, 3)))
    with pytest.raises(BadInput, match="T ≥ 2"):
        geometric_features(np.zeros((1, 22, 3)))


def test_there_are_32_questions_and_reference_lengths_of_a_person() -> None:
    assert len(QUESTIONS) == 32
    assert pytest.approx(0.2568, abs=1e-4) == HUMERUS
    assert pytest.approx(0.3908, abs=1e-3) == SHOULDER_WIDTH
    assert pytest.approx(0.1193, abs=1e-3) == HIP_WIDTH
    left = [question.points for question in QUESTIONS if question.points.endswith("lwrist")]
    assert "neck lhip rhip lwrist" in left and "zero -y ymin lwrist" in left


def test_standing_in_a_t_pose_answers_by_hand() -> None:
    joints = standing_clip(10).joint_positions().astype(np.float64)
    # World positions, so that the floor and the pelvis mean what they say.
    answers = dict(enumerate(geometric_features(joints, mended=True)))
    assert answers[6] == answers[7] == 0  # straight elbows: 180° is not below 110°
    assert answers[8] == 1  # hands further apart than 2.5 shoulder widths
    assert answers[12] == answers[13] == answers[31] == 0  # nothing is fast
    assert answers[16] == answers[17] == 0  # ankles are on the floor
    assert answers[19] == answers[20] == 0  # straight knees
    # From the neck down and along the level arm: 90°, inside 25…180. The thigh hangs: 0°.
    assert answers[23] == answers[24] == 1
    assert answers[25] == answers[26] == 0
    assert answers[28] == 0  # the trunk is upright: 180° from the vertical, not 70…110
    assert answers[29] == answers[30] == 0  # hands higher than 1.2 humeri above the lowest joint


def test_published_move_questions_never_look_at_their_hand() -> None:
    published = geometric_features(dance(200))
    mended = geometric_features(dance(200), mended=True)
    assert published[4] == published[5]
    assert mended[4] != mended[5]


def test_a_raised_foot_and_a_fast_hand_are_seen() -> None:
    joints = standing_clip(20).joint_positions().astype(np.float64)
    joints[:, 8, 1] += 0.4
    joints[:, 21, 1] += 0.2 * (np.arange(20) % 2)
    answers = geometric_features(joints)
    assert answers[16] == 1 and answers[17] == 0
    # 0.2 m in 1/120 s is 24 m/s, far above 2.5 humeri a second; the other hand rests.
    assert answers[12] == 1 and answers[13] == 0
