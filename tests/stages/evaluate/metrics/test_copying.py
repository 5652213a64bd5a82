from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.mirror import turn_heading
from infinitedance_cli.stages.evaluate.metrics.copying import copied_windows
from tests.motion.samples import wandering_clip


def test_a_turned_and_moved_copy_is_found_where_it_was_taken() -> None:
    training = [wandering_clip(200, seed, joints=22) for seed in range(3)]
    piece = turn_heading(training[1], 1.2, about=(2.0, 1.0)).joint_positions()[37 : 37 + 75]
    report = copied_windows([piece], [clip.joint_positions() for clip in training])
    assert report.share == 1.0
    assert report.clip.tolist() == [1, 1] and report.start.tolist() == [37, 52]
    assert report.distance.max() < 1e-3


def test_distance_is_the_mean_over_joints_and_frames() -> None:
    joints = wandering_clip(60, joints=22).joint_positions()
    moved = joints.copy()
    moved[:, 5, 1] += 0.22
    report = copied_windows([moved], [joints])
    assert report.distance[0] == pytest.approx(0.01, abs=2e-4)
    assert copied_windows([moved], [joints], threshold=0.005).share == 0.0


def test_other_dances_are_no_copies() -> None:
    dances = [wandering_clip(120, seed, joints=22).joint_positions() for seed in (10, 11)]
    training = [wandering_clip(150, seed, joints=22).joint_positions() for seed in range(3)]
    report = copied_windows(dances, training)
    assert report.share == 0.0 and len(report.distance) == 10
    assert report.distance.min() > 0.05


def test_the_nearest_window_agrees_with_brute_force() -> None:
    query = wandering_clip(60, 5, joints=22).joint_positions()
    training = wandering_clip(100, 6, joints=22).joint_positions()
    report = copied_windows([query], [training], candidates=41)

    def local(positions: np.ndarray) -> np.ndarray:
        return positions - positions[:, :1] * np.array([1, 0, 1])

    best = np.inf
    for start in range(41):
        window = local(training[start : start + 60])
        own = local(query)
        # The angle that minimises the squared distance of the horizontal parts.
        dot = np.sum(own[..., 0] * window[..., 0] + own[..., 2] * window[..., 2])
        cross = np.sum(window[..., 0] * own[..., 2] - window[..., 2] * own[..., 0])
        cosine, sine = np.cos(np.arctan2(cross, dot)), np.sin(np.arctan2(cross, dot))
        turned = window.copy()
        turned[..., 0] = cosine * window[..., 0] - sine * window[..., 2]
        turned[..., 2] = sine * window[..., 0] + cosine * window[..., 2]
        best = min(best, float(np.linalg.norm(own - turned, axis=-1).mean()))
    assert report.distance[0] == pytest.approx(best, abs=1e-5)


def test_clips_shorter_than_a_window_are_refused() -> None:
    short, long = np.zeros((59, 22, 3)), np.zeros((60, 22, 3))
    with pytest.raises(BadInput, match="0 windows of dance, 1 of training"):
        copied_windows([short], [long])
