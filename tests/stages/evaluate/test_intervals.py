from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.stages.evaluate.intervals import (
    Estimate,
    diversity_estimate,
    frechet_estimate,
    mean_estimate,
)


def test_mean_and_interval_of_a_normal_sample() -> None:
    values = list(np.random.default_rng(0).normal(5.0, 2.0, 400))
    found = mean_estimate([*values, None], 2000, 1)
    assert found.value == pytest.approx(np.mean(values)) and found.clips == 400
    # 1.96 standard errors on either side.
    half = 1.96 * np.std(values) / 20
    assert found.low == pytest.approx(found.value - half, abs=0.03)
    assert found.high == pytest.approx(found.value + half, abs=0.03)
    assert found == mean_estimate([*values, None], 2000, 1) != mean_estimate([*values, None], 2000, 2)


def test_undefined_and_single_values() -> None:
    assert mean_estimate([None, None], 100, 0) == Estimate(None)
    assert mean_estimate([3.0], 100, 0) == Estimate(3.0, clips=1)
    assert mean_estimate([3.0, 5.0], 0, 0) == Estimate(4.0, clips=2)


def test_diversity_counts_no_pair_of_a_dance_with_itself() -> None:
    features = np.array([[0.0, 0], [3, 4], [0, 4]])
    found = diversity_estimate(features, 500, 0)
    assert found.value == pytest.approx(4.0)
    # A resample holds two or three different dances: its mean lies between the least and the greatest distance.
    assert found.low is not None and found.high is not None
    assert 3.0 <= found.low < 4.0 < found.high <= 5.0
    assert diversity_estimate(features[:1], 10, 0) == Estimate(None, clips=1)


def test_the_interval_of_fid_holds_its_value() -> None:
    random = np.random.default_rng(0)
    found = frechet_estimate(random.normal(size=(60, 4)), random.normal(size=(80, 4)) + 1, 200, 0)
    assert found.low is not None and found.value is not None and found.high is not None
    assert 0 < found.low < found.value < found.high
    assert frechet_estimate(np.zeros((1, 4)), np.zeros((5, 4)), 10, 0) == Estimate(None, clips=1)
