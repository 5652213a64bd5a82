"""Left and right, where the reader takes the one for the other for a while: seen from behind, or against the light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating]

LEFT = (1, 2, 3, 7, 9, *range(11, 33, 2))
RIGHT = (4, 5, 6, 8, 10, *range(12, 33, 2))
_JUDGES = tuple(range(11, 17)) + tuple(range(23, 29))
_SWITCH = 0.15
_BACK = 4
_RARE = 0.01
_FARTHEST = 0.2
"""A step counts at most so much, in lengths of the body; `_SWITCH` of it is what a change costs."""


def mend_sides(track: PersonTrack) -> PersonTrack:
    """The track with left and right changed over in the frames in which they were mistaken for each other.

    A dancer who turns moves every landmark a little from frame to frame; a mistaken side makes all pairs jump across.
    So the shortest way through the shot is looked for, each frame as it is or changed over (Viterbi); most frames are
    taken to be right.
    """
    swapped = mistaken_frames(track)
    if not swapped.any():
        return track
    order = np.arange(33)
    order[list(LEFT)], order[list(RIGHT)] = RIGHT, LEFT
    body = {name: getattr(track, name).copy() for name in ("body_image", "body_world", "body_visibility")}
    hands = {name: getattr(track, name).copy() for name in ("hand_image", "hand_world", "hand_score")}
    for values in body.values():
        values[swapped] = values[swapped][:, order]
    for values in hands.values():
        values[swapped] = values[swapped][:, ::-1]
    return replace(track, **body, **hands)


def mistaken_frames(track: PersonTrack) -> NDArray[np.bool_]:
    """Frames (T,) whose sides are the wrong way round."""
    points = np.asarray(track.body_image, dtype=np.float64)[:, _JUDGES]
    known = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
    swapped = np.zeros(len(points), dtype=bool)
    if len(known) < 3:
        return swapped
    seen = points[known]
    size = np.median(np.ptp(seen, axis=1).max(axis=1)) + 1e-6
    state = _shortest(_steps(seen.reshape(len(seen), -1, 2, 2) / size))
    if state.mean() > 0.5:
        state = ~state
    swapped[known] = state
    return swapped


def _steps(pairs: FloatArray) -> FloatArray:
    """Mean distances (T, `_BACK`, 2) of landmark `pairs` (T, N, 2, 2) from those one, two … frames before, as they are
    and changed over; 0 where there is no frame before."""
    steps = np.zeros((len(pairs), _BACK, 2))
    for back in range(1, _BACK + 1):
        for other in (0, 1):
            before = pairs[:-back, :, ::-1] if other else pairs[:-back]
            distance = np.minimum(np.linalg.norm(pairs[back:] - before, axis=-1), _FARTHEST)
            steps[back:, back - 1, other] = distance.mean(axis=(1, 2))
    steps[1:, 0, 1] += _SWITCH * _FARTHEST
    return steps


def _shortest(steps: FloatArray) -> NDArray[np.bool_]:
    """The cheapest sequence (T,) of two states. The states of the last `_BACK` frames are the bits of one number, the
    latest is the lowest: a single bad frame does not lose the thread."""
    count = 2**_BACK
    history = np.arange(count)
    # A new number comes from two older ones, which differ in the bit that drops out.
    older = np.stack([history >> 1, (history >> 1) | (count >> 1)], axis=1)
    differs = [(history[:, None] & 1) ^ ((older >> back) & 1) for back in range(_BACK)]
    rare = _RARE * (history[:, None] & 1)
    cost, came_from = np.zeros(count), np.zeros((len(steps), count), dtype=np.intp)
    for frame, step in enumerate(steps):
        through = cost[older] + rare + sum(step[back][differs[back]] for back in range(_BACK))
        choice = through.argmin(axis=1)
        came_from[frame] = older[history, choice]
        cost = through[history, choice]
    states = np.zeros(len(steps), dtype=bool)
    state = int(cost.argmin())
    for frame in range(len(steps) - 1, -1, -1):
        states[frame] = bool(state & 1)
        state = int(came_from[frame, state])
    return states
