"""What was read from pictures at their own times, put on a true 30 a second."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.backend import FPS
from infinitedance_cli.stages.capture.landmarks.records import PersonLandmarks
from infinitedance_cli.stages.capture.persons import Sighting
from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating]

_SNAP = 0.016
"""Share of a frame by which times may differ and still be the same: containers round them to milliseconds."""
_LONGEST_STEP_S = 0.11
"""Between pictures further apart than this (and than is usual in the video) nothing is known."""
_STILL_NEAR_S = 0.5 / FPS
_BLOCK = 512
_FIELDS = ("body_image", "body_world", "hand_image", "hand_world", "face_image")
_SCORES = {"hand_score": "hand_image", "face_score": "face_image", "body_visibility": "body_image"}
_PIXELS = ("body_image", "hand_image", "face_image")


@dataclass(frozen=True)
class Grid:
    """How frames at 30 a second lie between N pictures: `first` frame, and for each of T frames the picture `before`
    it, its `share` of the way to the next one, and whether anything is `known` there."""

    first: int
    before: NDArray[np.int64]
    share: FloatArray
    known: NDArray[np.bool_]

    @property
    def frames(self) -> int:
        """How many frames, T."""
        return len(self.before)

    def part(self, start: int) -> Grid:
        """The frames from `start` on, so many that interpolating them takes little memory."""
        some = slice(start, start + _BLOCK)
        return Grid(self.first + start, self.before[some], self.share[some], self.known[some])

    @property
    def nearest(self) -> NDArray[np.int64]:
        """The picture (T,) nearest to each frame."""
        return self.before + (self.share > 0.5)


def lay_grid(times_s: Sequence[float], fps: float = FPS) -> Grid | None:
    """The frames at `fps` from the first to the last of rising times (N,) in seconds; None where there is none."""
    times = np.asarray(times_s, np.float64)
    if len(times) == 0:
        return None
    first = math.ceil(times[0] * fps - _SNAP)
    frames = np.arange(first, math.floor(times[-1] * fps + _SNAP) + 1)
    if len(frames) == 0:
        return None
    if len(times) == 1:
        zeros = np.zeros(len(frames))
        return Grid(first, zeros.astype(np.int64), zeros, np.ones(len(frames), bool))
    at = np.clip(frames / fps, times[0], times[-1])
    before = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    step = np.diff(times)[before]
    share = (at - times[before]) / step
    from_picture = np.minimum(share, 1 - share) * step
    share = np.where(from_picture < _SNAP / fps, np.round(share), share)
    limit = max(_LONGEST_STEP_S, 1.5 * float(np.median(np.diff(times))))
    known = (step <= limit) | (from_picture <= _STILL_NEAR_S)
    far = (step > limit) & known
    share = np.where(far, np.round(share), share)
    return Grid(first, before, share, known)


def resampled(values: FloatArray, grid: Grid, times_s: Sequence[float]) -> FloatArray:
    """`values` (N, …) at the frames of the grid, (T, …) float32, NaN where nothing is known.

    By the cubic through the two pictures on each side, so that peaks are not cut off; by the straight line where one of
    the outer two is missing, and by the nearer picture where one of the inner two is and the other is near.
    """
    if len(values) == 1:
        return np.repeat(values, grid.frames, axis=0).astype(np.float32)
    times = np.asarray(times_s, np.float64)
    blocks = [_interpolated(values, grid.part(start), times) for start in range(0, grid.frames, _BLOCK)]
    return np.concatenate(blocks)


def _interpolated(values: FloatArray, grid: Grid, times: FloatArray) -> FloatArray:
    shape = (-1,) + (1,) * (values.ndim - 1)
    share = grid.share.reshape(shape)
    one, two = values[grid.before], values[grid.before + 1]
    result = _cubic(values, grid, times)
    straight = np.where(share == 0, one, np.where(share == 1, two, (1 - share) * one + share * two))
    result = np.where(np.isfinite(result), result, straight)
    near_s = (np.minimum(grid.share, 1 - grid.share) * (times[grid.before + 1] - times[grid.before])).reshape(shape)
    nearer = np.where(share > 0.5, two, one)
    result = np.where(np.isfinite(result) | (near_s > _STILL_NEAR_S), result, nearer)
    return np.where(grid.known.reshape(shape), result, np.nan).astype(np.float32)


def _cubic(values: FloatArray, grid: Grid, times: FloatArray) -> FloatArray:
    """Lagrange's cubic through four pictures; NaN at the ends, next to jumps of time, and on pictures themselves."""
    shape = (-1,) + (1,) * (values.ndim - 1)
    picks = grid.before[:, None] + np.arange(-1, 3)
    inside = (picks[:, 0] >= 0) & (picks[:, 3] < len(values)) & (grid.share > 0) & (grid.share < 1)
    picks = np.clip(picks, 0, len(values) - 1)
    knots = times[picks]
    at = times[grid.before] + grid.share * (times[grid.before + 1] - times[grid.before])
    even = np.diff(knots, axis=1).max(axis=1) <= _LONGEST_STEP_S
    total = np.zeros((grid.frames, *values.shape[1:]))
    for column in range(4):
        others = [other for other in range(4) if other != column]
        gaps = knots[:, [column]] - knots[:, others]
        weight = np.prod((at[:, None] - knots[:, others]) / np.where(gaps == 0, 1, gaps), axis=1)
        total += weight.reshape(shape) * values[picks[:, column]]
    return np.where((inside & even).reshape(shape), total, np.nan)


def to_track(seen: Sighting, grid: Grid, *, width: int, height: int, scale: float) -> PersonTrack:
    """A sighting as a track at a true 30 a second, in pixels of the upright picture of `width` × `height` as stored.

    `scale` is the width of the pictures that were read over `width`.
    """
    fields = {name: _field(seen.rows, name, seen.times_s, grid, scale) for name in _FIELDS}
    scores = {name: _score(seen.rows, name, fields[where], seen.times_s, grid) for name, where in _SCORES.items()}
    box = resampled(np.stack([row.box for row in seen.rows]) / scale, grid, seen.times_s)
    score = resampled(np.asarray([row.score for row in seen.rows]), grid, seen.times_s)
    return PersonTrack(
        first_frame=grid.first,
        fps=FPS,
        width=width,
        height=height,
        box=box,
        score=np.clip(np.nan_to_num(score), 0, 1),
        **fields,
        **scores,
    )


def track_background(seen: Sighting, grid: Grid, scale: float) -> FloatArray | None:
    """Homographies (T, 3, 3) that take the background of the first frame to that of each, pixels as stored."""
    if not seen.background:
        return None
    scaling = np.diag([scale, scale, 1.0])
    stored = np.linalg.inv(scaling) @ np.stack(seen.background) @ scaling
    moved = np.asarray(resampled(stored, grid, seen.times_s), np.float64)
    unknown = ~np.isfinite(moved).all(axis=(1, 2))
    moved[unknown] = stored[grid.nearest[unknown]]
    relative: FloatArray = moved @ np.linalg.inv(moved[0])
    return relative / relative[:, 2:, 2:]


def _field(
    rows: Sequence[PersonLandmarks], name: str, times_s: Sequence[float], grid: Grid, scale: float
) -> FloatArray:
    values = np.stack([getattr(row, name) for row in rows])
    return resampled(values / scale if name in _PIXELS else values, grid, times_s)


def _score(
    rows: Sequence[PersonLandmarks], name: str, values: FloatArray, times_s: Sequence[float], grid: Grid
) -> FloatArray:
    """The score of the nearest picture, 0 where nothing is known."""
    scores = np.asarray([getattr(row, name) for row in rows], np.float32)[grid.nearest]
    seen = np.isfinite(values).reshape(*scores.shape, -1).all(axis=-1)
    return np.where(seen, scores, 0).astype(np.float32)
