from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.evaluate.metrics.feet import (
    FootSliding,
    foot_sliding,
    mean_foot_sliding,
    physical_foot_contact,
    toe_floor,
)
from tests.motion.samples import standing_clip


def standing(frames: int = 11) -> np.ndarray:
    return standing_clip(frames).joint_positions().astype(np.float64)


def slid(dx: float, dz: float, joints: tuple[int, ...] = (7, 10)) -> np.ndarray:
    """A standing dancer whose left foot moves by (dx, dz) in every step."""
    positions = standing()
    positions[:, joints, 0] += dx * np.arange(11)[:, None]
    positions[:, joints, 2] += dz * np.arange(11)[:, None]
    return positions


def test_standing_still_does_not_slide() -> None:
    assert foot_sliding(standing()) == FootSliding(lodge=0.0, strict=0.0, contact=1.0)


def test_lodge_counts_the_signed_mean_and_strict_the_distance() -> None:
    # 1.5 cm along x is 0.75 cm in LODGE's mean; 2.1 cm is over; opposite components cancel out. Ten of eleven frames
    # have a step; LODGE counts the eleventh as contact too.
    lodge = 0.5 * 10 / 11
    cases = {
        (0.015, 0.0): (0.0, 0.5),
        (0.021, 0.0): (lodge, 0.5),
        (0.03, -0.03): (0.0, 0.5),
        (0.006, 0.006): (0.0, 0.0),
    }
    for (dx, dz), (lodge, strict) in cases.items():
        result = foot_sliding(slid(dx, dz))
        assert (result.lodge, result.strict) == pytest.approx((lodge, strict)), (dx, dz)


def test_a_sliding_ankle_alone_is_a_slide() -> None:
    assert foot_sliding(slid(0.02, 0.02, joints=(7,))).lodge == pytest.approx(0.5 * 10 / 11)


def test_feet_in_the_air_do_not_slide_and_are_not_in_contact() -> None:
    positions = slid(0.03, 0.03)
    positions[1:, [7, 10], 1] += 0.1
    result = foot_sliding(positions)
    # The left foot stands for the first frame only, and slides in it; the right stands throughout.
    assert result.lodge == pytest.approx(0.5 * (1.0 + 0.0)) and result.contact == 1.0
    positions[1:, [8, 11], 1] += 0.1
    assert foot_sliding(positions).contact == pytest.approx(0.1)


def test_a_dancer_who_never_lands_has_no_sliding_figure() -> None:
    result = foot_sliding(standing() + np.array([0, 1.0, 0]), floor=0.027)
    assert np.isnan(result.lodge) and np.isnan(result.strict) and result.contact == 0.0


def test_lodges_floor_is_the_mean_of_level_toes_else_the_lower() -> None:
    positions = standing()
    positions[0, 10, 1], positions[0, 11, 1] = 0.03, 0.04
    assert toe_floor(positions) == pytest.approx(0.035)
    positions[0, 11, 1] = 0.06
    assert toe_floor(positions) == pytest.approx(0.03)


def test_averages_leave_out_dances_without_contact() -> None:
    mean = mean_foot_sliding([FootSliding(0.2, 0.4, 1.0), FootSliding(np.nan, np.nan, 0.0)])
    assert mean == FootSliding(0.2, 0.4, 0.5)
    with pytest.raises(BadInput, match="no dance"):
        mean_foot_sliding([])


def test_pfc_by_hand() -> None:
    positions = standing(5)
    positions[:, 0, 0] += [0, 0, 0.1, 0.1, 0.1]  # accelerations +, −, 0 of equal size
    positions[:, [7, 10], 0] += 0.02 * np.arange(5)[:, None]
    positions[:, 10, 0] += 0.01 * np.arange(5)  # the toe is faster, so the ankle counts
    positions[:, [8, 11], 2] += 0.03 * np.arange(5)[:, None]
    assert physical_foot_contact(positions) == pytest.approx(0.02 * 0.03 * (1 + 1 + 0) / 3 * 1e4)


def test_pfc_ignores_falling_and_standing_still() -> None:
    positions = standing(5)
    assert physical_foot_contact(positions) == 0.0
    positions[:, 0, 1] -= 0.1 * np.arange(5) ** 2
    positions[:, [7, 8, 10, 11], 0] += 0.02 * np.arange(5)[:, None]
    assert physical_foot_contact(positions) == 0.0
