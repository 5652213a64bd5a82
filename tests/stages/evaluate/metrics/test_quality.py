from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.stages.evaluate.metrics.quality import (
    Stance,
    estimated_stance,
    floating_seconds,
    foot_slide,
    frozen_seconds,
    planted_feet,
)
from tests.motion.samples import standing_clip

TOE, ANKLE = 0.0272, 0.0765
STANCE = Stance(TOE, ANKLE)


def standing(frames: int = 31) -> np.ndarray:
    return standing_clip(frames).joint_positions().astype(np.float64)


def slide(positions: np.ndarray) -> float:
    return foot_slide(positions, planted_feet(positions, STANCE))


def test_contact_is_by_height_above_where_a_foot_stands() -> None:
    positions = standing(4)
    positions[1, 10, 1] += 0.049
    positions[2, 10, 1] += 0.051
    positions[3, 7, 1] = TOE + 0.081
    assert planted_feet(positions, STANCE).tolist() == [[True, True], [True, True], [False, True], [False, True]]
    # A body that carries its ankles higher stands all the same.
    positions = standing(2)
    positions[:, [7, 8], 1] += 0.05
    assert not planted_feet(positions, STANCE).any()
    assert planted_feet(positions, estimated_stance(positions)).all()


def test_slide_is_centimetres_a_second_of_the_slower_joint() -> None:
    positions = standing()
    positions[:, [7, 10], 0] += 0.01 * np.arange(31)[:, None]  # the left foot: 1 cm a frame
    positions[:, 10, 2] += 0.02 * np.arange(31)  # its toe faster still
    # Left 30 cm/s, right 0.
    assert slide(positions) == pytest.approx(15.0)
    positions[:, [8, 11], 1] += 0.2
    assert slide(positions) == pytest.approx(30.0)
    assert np.isnan(slide(positions + np.array([0, 1.0, 0])))


def test_turning_on_the_heel_is_no_slide() -> None:
    positions = standing()
    positions[:, [10, 11], 0] += 0.01 * np.arange(31)[:, None]
    assert slide(positions) == 0.0


def test_the_floor_is_where_toes_stand_whatever_jumps_and_dips() -> None:
    positions = standing(100)
    positions[40:60, :, 1] += 0.5
    positions[70:72, 10, 1] -= 0.3
    found = estimated_stance(positions + np.array([0, 7.0, 0]))
    assert (found.toe, found.ankle) == pytest.approx((7.0 + TOE, 7.0 + ANKLE), abs=1e-3)


def test_a_jump_is_not_floating() -> None:
    positions = standing(120)
    positions[10:30, :, 1] += 0.3  # 0.67 s
    assert floating_seconds(positions, TOE, TOE) == 0.0
    positions[60:90, :, 1] += 0.3
    assert floating_seconds(positions, TOE, TOE) == pytest.approx(1.0)
    # The same motion elsewhere, with its floor known.
    assert floating_seconds(positions + 2.0, TOE + 2.0, TOE) == pytest.approx(1.0)


def test_frozen_seconds_are_those_of_slow_windows() -> None:
    positions = standing(151)
    positions[:, :, 0] += (0.02 * np.arange(151))[:, None]  # 0.6 m/s throughout
    assert frozen_seconds(positions) == 0.0
    positions[50:101] = positions[50]
    # 50 still steps, and two moving ones before them: 2 × 0.6 / 30 is below 0.05. After them comes a leap.
    assert frozen_seconds(positions) == pytest.approx(52 / 30)
    assert frozen_seconds(standing(10)) == pytest.approx(9 / 30)
