"""YOLOv8 at work: a picture in, people out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.detectors._yolo_checkpoint import FACTS, WEIGHTS, ultralytics_model
from infinitedance_cli.stages.capture.landmarks.records import Detection, FloatArray, Picture

LEAST_SCORE = 0.25
SAME_PERSON_OVERLAP = 0.7
SIDE, _STRIDE = 640, 32
_GREY = 114


class YoloDetector:
    """Finds people with the YOLOv8 in a folder (see `_yolo_checkpoint`)."""

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file

        facts = json.loads((folder / FACTS).read_text())
        self._person: int = facts["names"].index("person")
        self._network: Any = ultralytics_model(facts["size"], len(facts["names"]))
        self._network.load_state_dict(load_file(folder / WEIGHTS))
        self._network.fuse(verbose=False)

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Everybody in the picture, the surest first."""
        import torch

        framed, scale, margin = letterbox(picture)
        pixels = torch.from_numpy(framed).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            raw = self._network(pixels)[0][0].numpy()
        return self.people(raw, scale, margin, picture.shape[1], picture.shape[0])

    def people(
        self, raw: FloatArray, scale: float, margin: tuple[int, int], width: int, height: int
    ) -> tuple[Detection, ...]:
        """What the network says, (4 + classes, N): middles and sizes of boxes in pixels of the framed picture, and
        scores of the classes; as people in pixels of the picture itself."""
        scores = raw[4 + self._person]
        likely = np.flatnonzero(scores >= LEAST_SCORE)
        middles, halves = raw[:2, likely].T, raw[2:4, likely].T / 2
        corners = np.concatenate([middles - halves, middles + halves], axis=1)
        boxes = np.clip((corners - (*margin, *margin)) / scale, 0, (width, height, width, height))
        kept = distinct_boxes(boxes, scores[likely])
        return tuple(Detection(boxes[one].astype(np.float32), float(scores[likely[one]])) for one in kept)


def letterbox(picture: Picture) -> tuple[Picture, float, tuple[int, int]]:
    """The picture with its longer side 640, framed in grey to multiples of 32; the scale; left and upper margin."""
    import cv2

    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    missing = [-side % _STRIDE for side in size]
    left, top = missing[0] // 2, missing[1] // 2
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    framed = np.pad(small, ((top, missing[1] - top), (left, missing[0] - left), (0, 0)), constant_values=_GREY)
    return np.ascontiguousarray(framed, np.uint8), scale, (left, top)


def distinct_boxes(boxes: NDArray[np.floating[Any]], scores: FloatArray) -> list[int]:
    """Numbers of the boxes (N, 4) that no surer one covers, the surest first: greedy non-maximum suppression."""
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    rest = np.argsort(-scores, kind="stable")
    kept = []
    while len(rest):
        first, rest = int(rest[0]), rest[1:]
        kept.append(first)
        sides = np.minimum(boxes[rest, 2:], boxes[first, 2:]) - np.maximum(boxes[rest, :2], boxes[first, :2])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        rest = rest[shared <= SAME_PERSON_OVERLAP * (areas[rest] + areas[first] - shared)]
    return kept
