"""What was seen and what was made of it, drawn over a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.annotations import array_of, camera_of, captured

FloatArray = NDArray[np.floating[Any]]

_SEEN, _FITTED, _BOX = (64, 220, 255), (255, 96, 64), (160, 160, 160)
_LEAST = 0.3
_BODY_LINES = (
    *((11, 12), (11, 23), (12, 24), (23, 24), (11, 13), (13, 15), (12, 14), (14, 16)),
    *((23, 25), (25, 27), (27, 29), (29, 31), (27, 31), (24, 26), (26, 28), (28, 30), (30, 32), (28, 32)),
    *((0, 7), (0, 8)),
)
_FINGERS = tuple((start, start + 1) for finger in range(5) for start in range(4 * finger + 1, 4 * finger + 4))
_HAND_LINES = (*_FINGERS, *((0, knuckle) for knuckle in (1, 5, 9, 13, 17)))
_LINES = (*_BODY_LINES, *((33 + a, 33 + b) for a, b in _HAND_LINES), *((54 + a, 54 + b) for a, b in _HAND_LINES))


class Overlay:
    """The marks of one clip: landmarks as they were seen (blue) and the fitted skeleton through its camera (orange)."""

    def __init__(self, clip: MotionClip) -> None:
        group = captured(clip)
        self.first = int(group.attributes.get("first_frame", 0))
        self.frames = clip.frames
        self._points = array_of(group, "keypoints2d")
        self._boxes = array_of(group, "bbox")
        camera = camera_of(clip)
        self._joints = None if camera is None else camera.project(clip.joint_positions())
        self._parents = clip.skeleton.parents

    def draw(self, picture: NDArray[np.uint8], frame: int, scale: float) -> None:
        """Draw the marks of a frame of the video into `picture`, which is `scale` times as wide as the one stored."""
        row = frame - self.first
        if not 0 <= row < self.frames:
            return
        if self._boxes is not None and np.isfinite(self._boxes[row]).all():
            left, top, right, bottom = np.rint(self._boxes[row] * scale).astype(int)
            _import_cv2().rectangle(picture, (left, top), (right, bottom), _BOX, 1, 16)
        if self._joints is not None:
            lines = [
                (parent, joint) for joint, parent in enumerate(self._parents) if parent >= 0 and joint not in (23, 24)
            ]
            _draw_lines(picture, self._joints[row] * scale, lines, _FITTED, 2)
        if self._points is not None and len(self._points) == self.frames:
            points = self._points[row]
            shown = np.where(points[:, 2:] >= _LEAST, points[:, :2], np.nan) * scale
            _draw_lines(picture, shown, _LINES[: None if len(points) >= 75 else len(_BODY_LINES)], _SEEN, 1)


def _draw_lines(
    picture: NDArray[np.uint8], points: FloatArray, lines: Any, colour: tuple[int, int, int], width: int
) -> None:
    cv2 = _import_cv2()
    for start, end in lines:
        if np.isfinite(points[[start, end]]).all() and np.abs(points[[start, end]]).max() < 1e5:
            one, two = (tuple(int(value) for value in np.rint(points[point])) for point in (start, end))
            cv2.line(picture, one, two, colour, width, 16)


def _import_cv2() -> Any:
    import cv2

    return cv2
