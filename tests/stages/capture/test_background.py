from __future__ import annotations

import cv2
import numpy as np

from infinitedance_cli.stages.capture.background import Background


def texture() -> np.ndarray:
    random = np.random.default_rng(0)
    small = random.integers(0, 255, (60, 100, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (1000, 600), interpolation=cv2.INTER_CUBIC), np.uint8)


def view(wall: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """What the camera shows when the homography takes the first picture's pixels to this one's."""
    return np.asarray(cv2.warpPerspective(wall, matrix, (640, 360)), np.uint8)


def test_a_camera_that_pans_tilts_and_zooms_is_followed() -> None:
    wall, background = texture(), Background()
    for k in range(30):
        zoom = 1 + 0.004 * k
        truth = np.array([[zoom, 0.002 * k, -3.0 * k], [-0.002 * k, zoom, -1.0 * k], [0, 0, 1]])
        found = background.add(view(wall, truth), [])
        corners = np.array([[[0, 0], [640, 0], [0, 360], [640, 360]]], np.float64)
        apart = cv2.perspectiveTransform(corners, found) - cv2.perspectiveTransform(corners, truth)
        assert np.abs(apart).max() < 3, f"picture {k}"
    assert background.blind == 0


def test_people_are_no_background() -> None:
    """The wall stands still while somebody large walks by."""
    wall, body, background = texture(), texture()[::-1], Background()
    for k in range(20):
        picture = view(wall, np.eye(3))
        left = 40 + 12 * k
        picture[40:340, left : left + 150] = body[40:340, 100:250]
        found = background.add(picture, [np.array([left, 40, left + 150, 340], np.float32)])
    assert np.abs(found - np.eye(3)).max() < 0.3


def test_before_a_plain_wall_the_camera_is_taken_to_stand_still() -> None:
    background = Background()
    for _ in range(3):
        found = background.add(np.full((360, 640, 3), 90, np.uint8), [])
    np.testing.assert_array_equal(found, np.eye(3))
    assert background.blind == 2
