from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.stages.capture.landmarks import Region
from infinitedance_cli.stages.capture.landmarks.network import Network
from infinitedance_cli.stages.capture.landmarks.ssd import Detector, anchors, suppress


def test_anchors_are_the_middles_of_cells_two_for_each_layer() -> None:
    pose = anchors(224, (8, 16, 32, 32, 32))
    assert pose.shape == (28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6, 2) == (2254, 2)
    assert pose[0] == pytest.approx((0.5 / 28, 0.5 / 28)) and (pose[0] == pose[1]).all()
    assert pose[2] == pytest.approx((1.5 / 28, 0.5 / 28))  # x runs first
    assert pose[-1] == pytest.approx((6.5 / 7, 6.5 / 7)) and (pose[-6:] == pose[-1]).all()
    assert len(anchors(128, (8, 16, 16, 16))) == 896


def test_those_that_overlap_become_one_weighted_by_score() -> None:
    def rows(left: float, mark: float) -> list[list[float]]:
        return [[left, 0], [left + 1, 1], [mark, mark]]

    points = np.array([rows(0.1, 4), rows(5, 7), rows(0.0, 2)], np.float32)
    kept = suppress(points, np.array([0.6, 0.7, 0.9], np.float32))
    assert [score for _, score in kept] == pytest.approx([0.9, 0.7])
    merged, alone = (rows for rows, _ in kept)
    assert merged[0, 0] == pytest.approx(0.04) and merged[2, 0] == pytest.approx((0.6 * 4 + 0.9 * 2) / 1.5)
    assert alone == pytest.approx(points[1])


class _Fixed(Network):
    """A network that says the same of every picture: one box, about the cell (3, 2) of the coarse layer."""

    side = 64

    def __init__(self) -> None:
        self.boxes = np.zeros((2 * 64 + 2 * 16, 6), np.float32)
        self.scores = np.full((2 * 64 + 2 * 16, 1), -200, np.float32)
        row = 2 * 64 + 2 * (2 * 4 + 3)
        self.boxes[row] = (6.4, 0, 32, 16, 0, -12.8)
        self.scores[row] = 3.0

    def run(self, picture: object) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
        return self.boxes, self.scores


def test_boxes_are_offsets_from_their_cell_in_pixels_of_the_input() -> None:
    region = Region(100, 50, 200)
    picture = np.zeros((100, 200, 3), np.uint8)
    (found,) = Detector(_Fixed(), (8, 16)).detect(picture, region, 0.5)
    # The cell's middle is (0.875, 0.625) of the side; the region reaches from (0, −50) to (200, 150).
    middle = np.array([0.975 * 200, 0.625 * 200 - 50])
    assert found.box == pytest.approx(np.concatenate([middle - (50, 25), middle + (50, 25)]), abs=1e-3)
    assert found.points == pytest.approx(np.array([[0.875 * 200, (0.625 - 0.2) * 200 - 50]]), abs=1e-3)
    assert found.score == pytest.approx(1 / (1 + np.exp(-3)))
    assert Detector(_Fixed(), (8, 16)).detect(picture, region, 0.96) == []
