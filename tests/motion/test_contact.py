from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import FootContacts
from infinitedance_cli.motion.contact import PAPER, RELEASE, ROBUST, clip_contacts, detect_contacts, intervals
from infinitedance_cli.motion.skeleton import default_skeleton
from tests.motion.samples import standing_clip


def standing(frames: int) -> np.ndarray:
    return np.tile(default_skeleton(22).rest_positions().astype(np.float64), (frames, 1, 1))


def test_a_standing_dancer_is_planted_by_every_rule() -> None:
    clip = standing_clip(20)
    for rule in (PAPER, RELEASE, ROBUST):
        contacts = clip_contacts(clip, rule)
        assert contacts.planted.all()
        assert contacts.labels == ("left_ankle", "left_foot", "right_ankle", "right_foot")


def test_paper_thresholds_are_eight_and_five_centimetres() -> None:
    joints = standing(2)
    joints[:, 7, 1], joints[:, 8, 1] = 0.0799, 0.0801
    joints[:, 10, 1], joints[:, 11, 1] = 0.0499, 0.0501
    np.testing.assert_array_equal(detect_contacts(joints, rule=PAPER).planted[0], [True, True, False, False])


def test_paper_speed_is_a_squared_step_of_a_thousandth() -> None:
    joints = standing(2)
    joints[:, [7, 8], 1] = 0.05
    joints[1, 7, 0] += 0.0316  # 0.000999 m²
    joints[1, 8, 0] += 0.0317  # 0.001005 m²
    np.testing.assert_array_equal(detect_contacts(joints, rule=PAPER).planted[0, [0, 2]], [True, False])


def test_limits_are_metres_a_second_whatever_the_frame_rate() -> None:
    joints = standing(3)
    joints[:, 10, 0] = [0, 0.03, 0.06]
    assert detect_contacts(joints, 30.0, PAPER).planted[0, 1]
    assert not detect_contacts(joints, 60.0, PAPER).planted[0, 1]


def test_release_ignores_height() -> None:
    assert detect_contacts(standing(4) + np.array([0, 2.0, 0]), rule=RELEASE).planted.all()


def test_robust_contact_holds_while_slow_and_low_and_ignores_blips() -> None:
    joints = standing(60)
    # The left toe begins to creep at frame 20 at 0.4 m/s: above the limit to begin, below the one to end.
    joints[20:40, 10, 0] += 0.4 / 30 * np.arange(20)
    joints[40:, 10, 0] += 0.4 / 30 * 19
    # The right toe lifts by 20 cm for the last 20 frames.
    joints[40:, 11, 1] += 0.2
    # The right ankle is off for a single frame.
    joints[30, 8, 1] += 0.2
    planted = detect_contacts(joints, rule=ROBUST).planted
    assert planted[:, 1].all()
    assert planted[:39, 3].all() and not planted[40:, 3].any()
    assert planted[:, 2].all()


def test_a_foot_that_never_slows_down_is_not_planted() -> None:
    joints = standing(30)
    joints[:, 10, 0] += 0.4 / 30 * np.arange(30)
    assert not detect_contacts(joints, rule=ROBUST).planted[:, 1].any()


def test_intervals_are_half_open() -> None:
    assert intervals(np.array([1, 1, 0, 1, 0, 0, 1], dtype=bool)) == [(0, 2), (3, 4), (6, 7)]
    assert intervals(np.zeros(3, dtype=bool)) == []


def test_one_frame_and_too_few_joints() -> None:
    contacts = detect_contacts(standing(1))
    assert isinstance(contacts, FootContacts) and contacts.planted.shape == (1, 4)
    with pytest.raises(BadInput, match="12 or more"):
        detect_contacts(np.zeros((5, 10, 3)))
