from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from infinitedance_cli.motion import rotation

HALF = np.sqrt(0.5)


def random_quaternions(count: int, seed: int = 0) -> np.ndarray:
    return rotation.normalize(np.random.default_rng(seed).normal(size=(count, 4)))


def scipy_of(quaternions: np.ndarray) -> Rotation:
    return Rotation.from_quat(quaternions[..., [1, 2, 3, 0]])


def same_rotation(left: np.ndarray, right: np.ndarray, tolerance: float = 1e-6) -> bool:
    return bool(np.all(np.abs(np.sum(left * right, axis=-1)) > 1 - tolerance))


def test_quarter_turn_about_y_takes_forward_to_the_left() -> None:
    turn = np.array([HALF, 0, HALF, 0])
    np.testing.assert_allclose(rotation.rotate(turn, np.array([0.0, 0, 1])), [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation.about_axis("y", np.array(np.pi / 2)), turn, atol=1e-12)
    assert rotation.heading(turn) == pytest.approx(np.pi / 2)


def test_multiply_applies_the_right_factor_first() -> None:
    about_x, about_y = np.array([HALF, HALF, 0, 0]), np.array([HALF, 0, HALF, 0])
    # +Z turns to -Y about x, and -Y stays under a turn about y.
    both = rotation.multiply(about_y, about_x)
    np.testing.assert_allclose(rotation.rotate(both, np.array([0.0, 0, 1])), [0, -1, 0], atol=1e-12)


def test_products_inverses_and_matrices_agree_with_scipy() -> None:
    a, b = random_quaternions(200), random_quaternions(200, seed=1)
    assert same_rotation(rotation.multiply(a, b), (scipy_of(a) * scipy_of(b)).as_quat()[:, [3, 0, 1, 2]])
    np.testing.assert_allclose(rotation.to_matrix(a), scipy_of(a).as_matrix(), atol=1e-12)
    identity = rotation.multiply(a, rotation.inverse(a))
    np.testing.assert_allclose(identity, np.tile([1.0, 0, 0, 0], (200, 1)), atol=1e-12)


def test_matrix_conversion_survives_half_turns() -> None:
    # The trace is −1 for every half turn, where the naive formula divides by zero.
    half_turns = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, HALF, HALF, 0], [0, 0, HALF, -HALF]])
    assert same_rotation(rotation.from_matrix(rotation.to_matrix(half_turns)), half_turns)
    many = random_quaternions(500)
    assert same_rotation(rotation.from_matrix(rotation.to_matrix(many)), many)


def test_axis_angle_round_trip_down_to_no_turn_at_all() -> None:
    vectors = np.array([[0, 0, 0], [1e-9, 0, 0], [0, 1e-4, 0], [0.3, -0.5, 0.7], [0, 0, 3.1]])
    np.testing.assert_allclose(rotation.to_axis_angle(rotation.from_axis_angle(vectors)), vectors, atol=1e-9)
    quaternions = random_quaternions(100)
    np.testing.assert_allclose(rotation.to_axis_angle(quaternions), scipy_of(quaternions).as_rotvec(), atol=1e-9)


def test_six_numbers_are_the_first_two_columns_or_rows() -> None:
    turn = rotation.about_axis("z", np.array(np.pi / 2))
    # z quarter turn: x → y, y → −x; so columns (0,1,0), (−1,0,0) and rows (0,−1,0), (1,0,0).
    np.testing.assert_allclose(rotation.to_6d(turn), [0, 1, 0, -1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation.to_6d(turn, "rows"), [0, -1, 0, 1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("layout", ["columns", "rows"])
def test_six_numbers_need_not_be_orthonormal(layout: str) -> None:
    quaternions = random_quaternions(50)
    values = rotation.to_6d(quaternions, layout)  # type: ignore[arg-type]
    skewed = values.copy()
    skewed[:, 3:] = 2.0 * values[:, 3:] + 0.7 * values[:, :3]
    skewed[:, :3] *= 3.0
    assert same_rotation(rotation.from_6d(skewed, layout), quaternions)  # type: ignore[arg-type]


def test_between_takes_one_direction_to_the_other_the_short_way() -> None:
    x, y = np.array([2.0, 0, 0]), np.array([0, 0.5, 0])
    quarter = rotation.between(x, y)
    np.testing.assert_allclose(quarter, [HALF, 0, 0, HALF], atol=1e-12)
    opposite = rotation.between(x, -x)
    np.testing.assert_allclose(rotation.rotate(opposite, x), -x, atol=1e-12)
    assert rotation.between(x, x) == pytest.approx([1, 0, 0, 0])


def test_twist_is_what_is_left_after_the_swing() -> None:
    axis = np.array([0.0, 1.0, 0.0])
    twist = rotation.about_axis("y", np.array(0.8))
    swing = rotation.from_axis_angle(np.array([0.4, 0.0, -0.3]))
    np.testing.assert_allclose(rotation.twist_about(rotation.multiply(swing, twist), axis), twist, atol=1e-9)
    upside_down = np.array([0.0, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(rotation.twist_about(upside_down, axis), [1, 0, 0, 0])


def test_slerp_agrees_with_scipy_and_takes_the_short_way() -> None:
    a, b = random_quaternions(20), random_quaternions(20, seed=3)
    for start, end in zip(a, b, strict=True):
        expected = Slerp([0, 1], scipy_of(np.stack((start, end))))([0.3]).as_quat()[:, [3, 0, 1, 2]]
        assert same_rotation(rotation.slerp(start, end, np.array(0.3)), expected[0])
        assert same_rotation(rotation.slerp(start, -end, np.array(0.3)), expected[0])


def test_continuous_flips_signs_only() -> None:
    path = rotation.about_axis("x", np.linspace(0, 6.0, 40))
    flipped = path * np.where(np.arange(40) % 3 == 1, -1.0, 1.0)[:, None]
    np.testing.assert_allclose(rotation.continuous(flipped), path, atol=1e-12)


def test_angular_velocity_of_a_steady_turn() -> None:
    path = rotation.about_axis("y", 0.1 * np.arange(5))
    np.testing.assert_allclose(rotation.angular_velocity(path, 30.0), np.tile([0, 3.0, 0], (4, 1)), atol=1e-9)


def test_single_precision_stays_single() -> None:
    quaternions = random_quaternions(3).astype(np.float32)
    for result in (
        rotation.to_matrix(quaternions),
        rotation.from_matrix(rotation.to_matrix(quaternions)),
        rotation.from_axis_angle(rotation.to_axis_angle(quaternions)),
        rotation.slerp(quaternions, quaternions[::-1], np.full(3, 0.5)),
    ):
        assert result.dtype == np.float32
