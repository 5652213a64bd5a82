from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.stages.capture.landmarks import Detection, Region
from infinitedance_cli.stages.capture.landmarks.body import distinct, refine, region_of_box, squares


def heat(peaks: dict[tuple[int, int], float], size: int = 16) -> np.ndarray:  # type: ignore[type-arg]
    """One heatmap (size, size, 1) of logits: −30 but for the (row, column) of peaks."""
    logits = np.full((size, size, 1), -30, np.float32)
    for place, logit in peaks.items():
        logits[place] = logit
    return logits


def test_a_landmark_moves_to_the_centre_of_clear_heat_near_it() -> None:
    near = np.array([[7.4 / 16, 5.2 / 16]], np.float32)  # cell: column 7, row 5
    assert refine(near, heat({(5, 9): 10.0}))[0] * 16 == pytest.approx((9, 5), abs=1e-3)
    assert refine(near, heat({(5, 9): 10.0, (7, 9): 10.0}))[0] * 16 == pytest.approx((9, 6), abs=1e-3)


def test_faint_or_distant_heat_moves_nothing() -> None:
    near = np.array([[7.4 / 16, 5.2 / 16]], np.float32)
    assert (refine(near, heat({(5, 9): -0.5})) == near).all()
    assert (refine(near, heat({(5, 11): 10.0})) == near).all()  # four cells away
    outside = np.array([[1.2, -0.1]], np.float32)
    assert (refine(outside, heat({(0, 15): 10.0})) == outside).all()


def test_heat_at_the_edge_of_the_picture() -> None:
    corner = np.array([[0.2 / 16, 0.2 / 16]], np.float32)
    assert refine(corner, heat({(2, 1): 10.0}))[0] * 16 == pytest.approx((1, 2), abs=1e-3)


def test_a_long_picture_is_also_seen_in_squares_that_cover_it() -> None:
    wide = squares(np.zeros((720, 1280, 3), np.uint8))
    assert [(region.x, region.y, region.size) for region in wide] == [(360, 360, 720), (920, 360, 720)]
    tall = squares(np.zeros((1920, 1080, 3), np.uint8))
    assert [(region.x, region.y) for region in tall] == [(540, 540), (540, 1380)]
    assert squares(np.zeros((50, 50, 3), np.uint8)) == []
    strip = squares(np.zeros((100, 350, 3), np.uint8))
    assert [region.x for region in strip] == pytest.approx([50, 133.33, 216.67, 300], abs=0.01)


def test_hips_close_together_are_one_persons() -> None:
    def seen(x: float, score: float, size: float = 100) -> Detection:
        return Detection(np.array([x - 20, 0, x + 20, 80], np.float32), score, Region(x, 40, size))

    kept = distinct([seen(50, 0.6), seen(60, 0.9), seen(95, 0.8), seen(65, 0.5, size=20)])
    assert [(one.score, one.region.x) for one in kept if one.region] == [(0.9, 60), (0.8, 95), (0.5, 65)]


def test_a_box_alone_is_taken_for_somebody_upright() -> None:
    region = region_of_box(np.array([10, 20, 50, 100], np.float32))
    assert (region.x, region.y, region.size, region.angle) == (30, 60, 100, 0)
