from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.evaluate.metrics.rhythm import beat_alignment_score
from infinitedance_cli.stages.evaluate.metrics.smoothness import (
    frozen_share,
    jitter,
    join_jerk_ratio,
    mean_joint_speed,
)


def along_x(path: np.ndarray) -> np.ndarray:
    """Two joints that both move along x as `path` (T,) says."""
    return np.tile(path[:, None, None] * np.array([1.0, 0, 0]), (1, 2, 1))


def test_jitter_of_a_cubic_path_by_hand() -> None:
    # The third difference of k·n³ is 6k; times 30³, over 10.
    path = 1e-4 * np.arange(20.0) ** 3
    assert jitter(along_x(path)) == pytest.approx(6e-4 * 27000 / 10)
    assert jitter(along_x(path), fps=60) == pytest.approx(8 * jitter(along_x(path)))
    assert jitter(along_x(np.arange(20.0) ** 2)) == pytest.approx(0, abs=1e-6)


def test_speed_is_metres_a_second_over_all_joints() -> None:
    positions = along_x(0.01 * np.arange(30))
    positions[:, 1] = 0
    assert mean_joint_speed(positions) == pytest.approx(0.15)


def test_frozen_windows() -> None:
    moving = 0.01 * np.arange(91)
    assert frozen_share(along_x(moving)) == 0.0
    assert frozen_share(along_x(np.zeros(91))) == 1.0
    # 45 still steps, then 45 of 0.3 m/s. A window of 30 steps with m moving ones has mean 0.01·m m/s: frozen up to
    # m = 4, so windows starting at steps 0 … 19 of 61.
    half = along_x(np.concatenate((np.zeros(45), 0.01 * np.arange(46))))
    assert frozen_share(half) == pytest.approx(20 / 61)
    assert frozen_share(along_x(np.zeros(5))) == 1.0


def test_a_jump_at_a_join_shows_and_a_smooth_one_does_not() -> None:
    random = np.random.default_rng(0)
    smooth = np.cumsum(np.cumsum(random.normal(size=(300, 22, 3)), axis=0), axis=0) * 1e-4
    assert 0.5 < join_jerk_ratio(smooth, [150]) < 1.5
    broken = smooth.copy()
    broken[150:] += 0.05
    assert join_jerk_ratio(broken, [150]) > 10
    # The jump is not near frame 80, so that it counts to the rest.
    assert join_jerk_ratio(broken, [80]) < 1.5
    with pytest.raises(BadInput, match="none or all"):
        join_jerk_ratio(smooth, [])


def test_published_bas_rounds_beats_and_drops_those_after_the_last_step() -> None:
    time = np.arange(200)
    path = time - np.sin(2 * np.pi * (time - 10.5) / 40) * 40 / (2 * np.pi)
    positions = along_x(0.01 * path)
    # Stops at steps 10, 50, 90 …; 50.4 rounds onto one, 500 is beyond the dance.
    assert beat_alignment_score(positions, np.array([50.4, 90.0, 500.0])) == pytest.approx(1.0)
    with pytest.raises(BadInput, match="no beat"):
        beat_alignment_score(positions, np.array([500.0]))
