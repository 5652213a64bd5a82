from __future__ import annotations

import numpy as np

from infinitedance_cli.models.timeline import SAMPLES_PER_STEP, music_at_steps


def test_a_clock_reads_the_time_at_three_moments_of_each_step() -> None:
    clock = (np.arange(100) / 25)[:, None]
    rows = music_at_steps(clock, 25.0, 10, 4 / 30)
    expected = (np.arange(10)[:, None] + np.array([1, 3, 5]) / 6) * 4 / 30
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_columns_stay_together_moment_by_moment() -> None:
    features = np.stack([np.arange(50.0), 1000 + np.arange(50.0)], axis=1)
    rows = music_at_steps(features, 25.0, 6, 4 / 30)
    assert rows.shape == (6, SAMPLES_PER_STEP * 2)
    np.testing.assert_allclose(rows[:, 1::2] - rows[:, ::2], 1000, atol=1e-3)
    assert (np.diff(rows[:, ::2].ravel()) > 0).all()


def test_a_later_first_step_reads_the_same_rows() -> None:
    features = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float16)
    whole = music_at_steps(features, 25.0, 40, 4 / 30)
    np.testing.assert_array_equal(music_at_steps(features, 25.0, 15, 4 / 30, first_step=25), whole[25:])


def test_edges_hold() -> None:
    features = np.array([[3.0], [5.0]])
    rows = music_at_steps(features, 25.0, 4, 4 / 30)
    assert rows[0, 0] < 5 and (rows[1:] == 5).all()
    assert (music_at_steps(features[:1], 25.0, 4, 4 / 30) == 3).all()
