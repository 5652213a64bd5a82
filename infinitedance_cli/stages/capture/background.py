"""How a moving camera moves: the homography that takes the background of the shot's first picture to each picture.

Corners outside the people's boxes are followed from picture to picture (Lucas-Kanade) and one homography is fitted to
them (RANSAC). That is exact where the camera turns and zooms on the spot, or the background is a plane or far away.
A camera that is carried past near things moves them by their distance, which no homography can tell; nor can anything
be said where fewer than a dozen corners are seen, before a plain wall: there the camera is taken to stand still.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.boxes import Box
from infinitedance_cli.stages.capture.landmarks.records import Picture

logger = logging.getLogger(__name__)

_WIDTH = 480
_CORNERS, _FEWEST = 250, 12
_MARGIN = 0.1
"""A box is made larger by this share of its height on each side: shadows and swinging arms are no background."""
_TOLERANCE_PX = 1.5


class Background:
    """Follows the background of one shot."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._total = np.eye(3)
        self.blind = 0

    def add(self, pixels: Picture, boxes: list[Box]) -> NDArray[np.float64]:
        """The homography (3, 3), in pixels, from the first picture to this one; `boxes` of people are left out."""
        import cv2

        factor = min(_WIDTH / pixels.shape[1], 1.0)
        size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
        grey: Any = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        if self._before is not None:
            step = _step(self._before, grey, [box * factor for box in boxes])
            if step is None:
                self.blind += 1
            else:
                scaling = np.diag([factor, factor, 1.0])
                self._total = np.linalg.inv(scaling) @ step @ scaling @ self._total
                self._total /= self._total[2, 2]
        self._before = grey
        return self._total.copy()


def _step(before: NDArray[np.uint8], now: NDArray[np.uint8], boxes: list[Box]) -> NDArray[np.float64] | None:
    """The homography between two pictures; None where too little background is seen."""
    import cv2

    mask = np.full(before.shape, 255, np.uint8)
    for box in boxes:
        margin = _MARGIN * (box[3] - box[1])
        left, top, right, bottom = (int(edge) for edge in (*(box[:2] - margin), *(box[2:] + margin)))
        mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 0
    corners = cv2.goodFeaturesToTrack(before, _CORNERS, 0.01, 6, mask=mask)
    if corners is None or len(corners) < _FEWEST:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, np.zeros_like(corners))
    kept = found.ravel() == 1
    if kept.sum() < _FEWEST:
        return None
    homography, inliers = cv2.findHomography(corners[kept], moved[kept], cv2.RANSAC, _TOLERANCE_PX)
    if homography is None or int(inliers.sum()) < _FEWEST:
        return None
    return np.asarray(homography, np.float64)
