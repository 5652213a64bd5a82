from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.landmarks.records import PersonLandmarks
from infinitedance_cli.stages.capture.persons import Sighting
from infinitedance_cli.stages.capture.timeline import lay_grid, resampled, to_track, track_background


def times(fps: float, count: int, start: float = 0.0) -> list[float]:
    return [start + k / fps for k in range(count)]


def person(x: float, score: float = 0.9) -> PersonLandmarks:
    """Everybody's landmarks at (x, 100)."""

    def at(*shape: int) -> NDArray[np.float32]:
        points = np.zeros((*shape, 2), np.float32)
        points[..., 0], points[..., 1] = x, 100
        return points

    return PersonLandmarks(
        box=np.array([x - 50, 0, x + 50, 200], np.float32),
        score=score,
        body_image=at(33),
        body_world=np.full((33, 3), x / 100, np.float32),
        body_visibility=np.full(33, score, np.float32),
        hand_image=at(2, 21),
        hand_world=np.zeros((2, 21, 3), np.float32),
        hand_score=np.full(2, score, np.float32),
        face_image=np.concatenate((at(468), np.zeros((468, 1), np.float32)), axis=1),
        face_score=score,
    )


def unseen_hands(row: PersonLandmarks) -> PersonLandmarks:
    return replace(row, hand_image=row.hand_image * np.nan, hand_score=np.zeros(2, np.float32))


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 30.0, 50.0])
def test_a_wave_is_the_same_wave_at_30_a_second(fps: float) -> None:
    seen_at = times(fps, round(4 * fps))
    grid = lay_grid(seen_at)
    assert grid is not None and grid.first == 0
    wave = np.sin(2 * np.pi * 2.0 * np.asarray(seen_at))
    expected = np.sin(2 * np.pi * 2.0 * np.arange(grid.frames) / 30)
    error = np.abs(resampled(wave, grid, seen_at) - expected)
    assert error[2:-2].max() < 0.008, "a movement of two hertz loses less than one percent"
    straight = np.abs(np.interp(np.arange(grid.frames) / 30, seen_at, wave) - expected)
    if fps < 29:
        assert error[2:-2].max() < 0.25 * straight[2:-2].max(), "the straight line would cut the peaks off"


def test_times_on_the_grid_are_taken_as_they_are() -> None:
    seen_at = [0.033, 0.067, 0.1, 0.133, 0.167]  # milliseconds, as WebM has them
    grid = lay_grid(seen_at)
    assert grid is not None and (grid.first, grid.frames) == (1, 5)
    values = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    np.testing.assert_array_equal(resampled(values, grid, seen_at), values)


def test_nothing_is_made_up_in_a_gap() -> None:
    seen_at = [*times(30, 10), *times(30, 10, start=19 / 30)]
    grid = lay_grid(seen_at)
    assert grid is not None and grid.frames == 29
    known = np.isfinite(resampled(np.ones(20), grid, seen_at))
    assert known.tolist() == [True] * 10 + [False] * 9 + [True] * 10


def test_a_track_is_in_the_pixels_of_the_stored_picture() -> None:
    seen_at = times(30, 6, start=1.0)
    rows = [person(10.0 * k) for k in range(6)]
    rows[2] = unseen_hands(rows[2])
    grid = lay_grid(seen_at)
    assert grid is not None
    track = to_track(Sighting(1, seen_at, rows), grid, width=400, height=400, scale=0.5)
    assert (track.first_frame, track.fps, track.width, len(track.box)) == (30, 30.0, 400, 6)
    np.testing.assert_allclose(track.body_image[:, 0, 0], 20.0 * np.arange(6), atol=1e-4)
    np.testing.assert_allclose(track.box[3], [-40, 0, 160, 400], atol=1e-4)
    np.testing.assert_allclose(track.body_world[:, 0, 0], 0.1 * np.arange(6), atol=1e-5)
    assert np.isnan(track.hand_image[2]).all() and (track.hand_score[2] == 0).all()
    assert np.isfinite(track.hand_image[[1, 3]]).all() and track.hand_score[1, 0] == pytest.approx(0.9)


def test_a_person_seen_at_24_a_second_lacks_nothing_at_30() -> None:
    seen_at = times(24, 48)
    grid = lay_grid(seen_at)
    assert grid is not None
    track = to_track(Sighting(1, seen_at, [person(5.0 * k) for k in range(48)]), grid, width=9, height=9, scale=1)
    for name in ("box", "body_image", "hand_image", "face_image"):
        assert np.isfinite(getattr(track, name)).all(), name
    np.testing.assert_allclose(track.body_image[:, 7, 0], 5 * 24 * np.arange(grid.frames) / 30, atol=1e-3)


def test_one_picture_is_one_frame() -> None:
    grid = lay_grid([0.5])
    assert grid is not None and (grid.first, grid.frames) == (15, 1)
    assert lay_grid([]) is None and lay_grid([0.51]) is None


def test_the_background_is_told_from_the_first_frame_on() -> None:
    seen_at = times(30, 3)
    moves = [np.array([[1.0, 0, 6 + 2 * k], [0, 1, 0], [0, 0, 1]]) for k in range(3)]
    grid = lay_grid(seen_at)
    assert grid is not None
    relative = track_background(Sighting(1, seen_at, [person(0)] * 3, moves), grid, scale=0.5)
    assert relative is not None
    np.testing.assert_allclose(relative[:, 0, 2], [0, 4, 8], atol=1e-5)
    np.testing.assert_allclose(relative[0], np.eye(3), atol=1e-6)
