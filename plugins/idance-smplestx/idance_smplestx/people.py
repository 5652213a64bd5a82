"""Who is who in boxes that were found picture by picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.boxes import area, overlap
from infinitedance_cli.stages.capture.config import CaptureConfig

Indices = NDArray[np.int64]
_SAME = 0.3
"""Intersection over union from which two boxes are one person's."""


def link(boxes: NDArray[np.floating], gap: int) -> list[Indices]:
    """People in boxes (T, N, 4), NaN where there is none: for each, which of N it is in each picture (T,), −1: none.

    Somebody who is gone for more than `gap` pictures is somebody else after that.
    """
    people: list[Indices] = []
    for frame, found in enumerate(boxes):
        free = [number for number in range(len(found)) if np.isfinite(found[number]).all()]
        for person in people:
            seen = np.flatnonzero(person[:frame] >= 0)
            if not free or frame - seen[-1] > gap + 1:
                continue
            last = boxes[seen[-1], person[seen[-1]]]
            best = max(free, key=lambda number: overlap(last, found[number]))
            if overlap(last, found[best]) >= _SAME:
                person[frame] = best
                free.remove(best)
        for number in free:
            new = np.full(len(boxes), -1)
            new[frame] = number
            people.append(new)
    return people


def wanted(people: list[Indices], boxes: NDArray[np.floating], width: float, config: CaptureConfig) -> list[Indices]:
    """Those of `people` that `config.person` asks for, and that are seen for long enough to make a clip."""
    long = [person for person in people if (person >= 0).sum() >= config.shots.shortest_s * 30]
    if config.person == "all" or not long:
        return long
    if config.person == "largest":
        return [max(long, key=lambda person: sum(map(area, _boxes(person, boxes))))]
    if config.person == "center":
        return [min(long, key=lambda person: abs(float(_boxes(person, boxes)[:, [0, 2]].mean()) - width / 2))]
    in_order = sorted(long, key=lambda person: float(_boxes(person, boxes)[0, [0, 2]].mean()))
    return in_order[int(config.person) - 1 : int(config.person)]


def _boxes(person: Indices, boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """The boxes (S, 4) of somebody in the pictures in which they are seen."""
    seen = np.flatnonzero(person >= 0)
    return boxes[seen, person[seen]]
