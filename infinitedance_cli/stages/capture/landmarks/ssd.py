"""Single-shot detectors as BlazePose and BlazeFace are: anchors, decoding, and weighted non-maximum suppression.

Facts of the published MediaPipe graphs: all anchors have the size of the whole input, so a box is an offset from the
middle of its cell, in pixels of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infinitedance_cli.stages.capture.landmarks import geometry
from infinitedance_cli.stages.capture.landmarks.network import Network, sigmoid
from infinitedance_cli.stages.capture.landmarks.records import FloatArray, Picture, Region

SUPPRESSED_OVERLAP = 0.3
_SCORE_LIMIT = 100.0


@dataclass(frozen=True, eq=False)
class Found:
    """One detection: `box` (4,) left, top, right, bottom and `points` (K, 2), both in pixels of the picture."""

    box: FloatArray
    points: FloatArray
    score: float


def anchors(side: int, strides: Sequence[int]) -> FloatArray:
    """Middles (N, 2) of the cells of all layers in units of the input: two anchors a cell for every layer of a stride;
    the layers of one stride share their cells."""
    rows = []
    for stride in dict.fromkeys(strides):
        cells = -(-side // stride)
        middles = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        rows.append(np.repeat(grid, 2 * list(strides).count(stride), axis=0))
    return np.concatenate(rows).astype(np.float32)


class Detector:
    """A single-shot detector network with its anchors; its outputs are boxes (N, 4 + 2K) and scores (N, 1)."""

    def __init__(self, network: Network, strides: Sequence[int]) -> None:
        self._network = network
        self._anchors = anchors(network.side, strides)

    def detect(self, picture: Picture, region: Region, least: float) -> list[Found]:
        """All that score at least `least` within the region, the surest first."""
        side = self._network.side
        cut = geometry.crop(picture, region, side, repeat_edge=False)
        raw, logits = self._network.run(cut)
        scores = sigmoid(np.clip(logits[:, 0], -_SCORE_LIMIT, _SCORE_LIMIT))
        chosen = np.flatnonzero(scores >= least)
        points: FloatArray = raw[chosen].reshape(len(chosen), raw.shape[1] // 2, 2) / np.float32(side)
        points[:, 1] *= 0.5  # width and height become half of them, so that the corners are middle ∓ half
        half = points[:, 1].copy()
        points += self._anchors[chosen, None]
        middle = points[:, 0].copy()
        points[:, 0], points[:, 1] = middle - half, middle + half
        return [_in_picture(rows, score, region) for rows, score in suppress(points, scores[chosen])]


def suppress(points: FloatArray, scores: FloatArray) -> list[tuple[FloatArray, float]]:
    """Weighted non-maximum suppression of (N, 2 + K, 2) corners and key points: those that overlap the surest one of
    the rest become one, their mean weighted by score, with the score of the surest."""
    kept = []
    rest = np.argsort(-scores, kind="stable")
    while len(rest):
        boxes = points[rest, :2].reshape(-1, 4)
        overlaps = np.array([geometry.overlap(boxes[0], box) for box in boxes])
        alike = overlaps > SUPPRESSED_OVERLAP
        alike[0] = True
        weights = scores[rest[alike]]
        kept.append((np.average(points[rest[alike]], axis=0, weights=weights), float(scores[rest[0]])))
        rest = rest[~alike]
    return kept


def _in_picture(points: FloatArray, score: float, region: Region) -> Found:
    placed = geometry.to_picture(points, region)
    corners = placed[:2]
    return Found(np.concatenate([corners.min(axis=0), corners.max(axis=0)]), placed[2:], score)
