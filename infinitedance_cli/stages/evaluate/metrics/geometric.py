"""Geometric features: how often the body takes telling poses (FID_g, Div_g; Müller et al. 2005, as in AIST++)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.evaluate.metrics.kinetic import PUBLISHED_FRAMES, published_frame

FloatArray = NDArray[np.floating]

_PUBLISHED_FPS = 120.0

# Reference lengths of one SMPL body, fixed in every published implementation.
_L_SHOULDER = np.array([0.199113488, 0.236807942, -0.0180702247])
HUMERUS = float(np.linalg.norm(_L_SHOULDER - [0.454445392, 0.221158922, -0.0410167128]))
SHOULDER_WIDTH = float(np.linalg.norm(_L_SHOULDER - [-0.191692337, 0.236928746, -0.0123055102]))
HIP_WIDTH = float(
    np.linalg.norm(np.array([0.0564076714, -0.323069185, 0.0109197125]) - [-0.0624834076, -0.331302464, 0.0150412619])
)

_JOINTS = (
    *("root", "lhip", "rhip", "belly", "lknee", "rknee", "spine", "lankle", "rankle", "chest", "ltoes", "rtoes"),
    *("neck", "linshoulder", "rinshoulder", "head", "lshoulder", "rshoulder", "lelbow", "relbow", "lwrist", "rwrist"),
)


@dataclass(frozen=True)
class _Question:
    """One yes-or-no question: `kind`, the points it looks at, and the threshold or the range in degrees."""

    kind: str
    points: str
    limit: float | tuple[float, float]


def _both(kind: str, points: str, limit: float | tuple[float, float]) -> tuple[_Question, _Question]:
    """The question for the right side, written first, and for the left; a leading r or l of a point is the side."""
    swap = {"r": "l", "l": "r"}
    mirrored = [swap[p[0]] + p[1:] if p[0] in swap and p != "root" else p for p in points.split()]
    return _Question(kind, points, limit), _Question(kind, " ".join(mirrored), limit)


QUESTIONS: tuple[_Question, ...] = (
    *_both("nmove", "neck rhip lhip rwrist", 1.8 * HUMERUS),
    *_both("nplane", "chest neck neck rwrist", 0.2 * HUMERUS),
    *_both("move", "belly chest chest rwrist", 1.8 * HUMERUS),
    *_both("angle", "relbow rshoulder relbow rwrist", (0, 110)),
    _Question("nplane", "lshoulder rshoulder lwrist rwrist", 2.5 * SHOULDER_WIDTH),
    _Question("move", "lwrist rwrist rwrist lwrist", 1.4 * HUMERUS),
    _Question("move", "rwrist root lwrist root", 1.4 * HUMERUS),
    _Question("move", "lwrist root rwrist root", 1.4 * HUMERUS),
    *_both("fast", "rwrist", 2.5 * HUMERUS),
    *_both("plane", "root lhip ltoes rankle", 0.38 * HUMERUS),
    *_both("nplane", "zero y ymin rankle", 1.2 * HUMERUS),
    _Question("nplane", "lhip rhip lankle rankle", 2.1 * HIP_WIDTH),
    *_both("angle", "rknee rhip rknee rankle", (0, 110)),
    *_both("fast", "rankle", 2.5 * HUMERUS),
    *_both("angle", "neck root rshoulder relbow", (25, 180)),
    *_both("angle", "neck root rhip rknee", (50, 180)),
    _Question("plane", "rankle neck lankle root", 0.5 * HUMERUS),
    _Question("angle", "neck root zero y", (70, 110)),
    *_both("nplane", "zero -y ymin rwrist", -1.2 * HUMERUS),
    _Question("fast", "root", 2.3 * HUMERUS),
)
"""The 32 questions in the published order."""


def geometric_features(positions: FloatArray, *, mended: bool = False, fps: float = 30.0) -> FloatArray:
    """Geometric features (32,): the share of frames 1..T-1 in which each of `QUESTIONS` is answered yes.

    `positions` (T ≥ 2, 22, 3) metres in the world. By default with the published quirks: joints 1..21 relative to the
    pelvis but the pelvis itself not (`published_frame`), velocities per 1/120 s whatever the fps, and "move" questions
    that never look at their last point, so that features 4 and 5 are the same. `mended` uses world positions, `fps`,
    and the last point.
    """
    if positions.ndim != 3 or len(positions) < 2:
        raise BadInput(f"geometric features: joints have shape {positions.shape}; expected (T, 22, 3) with T ≥ 2")
    joints = positions[:PUBLISHED_FRAMES].astype(np.float64) if mended else published_frame(positions)
    return framed_geometric_features(joints, fps if mended else None)


def framed_geometric_features(joints: FloatArray, fps: float | None = None) -> FloatArray:
    """Geometric features (32,) of `joints` (T ≥ 2, J ≥ 22, 3) in whatever frame a protocol wants.

    `fps` None keeps the published quirks, a number mends them.
    """
    mended = fps is not None
    points = {name: joints[:, index] for index, name in enumerate(_JOINTS)}
    unit, lowest = np.zeros((len(joints), 3)), np.zeros((len(joints), 3))
    unit[:, 1], lowest[:, 1] = 1.0, joints[..., 1].min(axis=1)
    points |= {"zero": np.zeros_like(unit), "y": unit, "-y": -unit, "ymin": lowest}
    rate = fps if fps is not None else _PUBLISHED_FPS
    return np.array([_answer(question, points, rate, mended).mean() for question in QUESTIONS])


def _answer(question: _Question, points: dict[str, FloatArray], rate: float, mended: bool) -> NDArray[np.bool_]:
    """Answers (T-1,) for frames 1..T-1."""
    whole = [points[name] for name in question.points.split()]
    now = [point[1:] for point in whole]
    steps = [np.diff(point, axis=0) * rate for point in whole]
    if isinstance(question.limit, tuple):
        low, high = question.limit
        cosine = _along(now[3] - now[2], now[1] - now[0]) / np.maximum(np.linalg.norm(now[3] - now[2], axis=-1), 1e-12)
        angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        return np.asarray((angle > low) & (angle < high))
    if question.kind == "fast":
        return np.asarray(np.linalg.norm(steps[0], axis=-1) > question.limit)
    a, b, c, p = now
    if question.kind == "move":
        value = _along((steps[3] if mended else steps[2]) - steps[0], b - a)
    elif question.kind == "nmove":
        value = _along(steps[3] - steps[0], np.cross(c - a, b - a))
    elif question.kind == "plane":
        value = _along(p - a, np.cross(c - a, b - a))
    else:
        value = _along(p - c, b - a)
    return np.asarray(value > question.limit)


def _along(vectors: FloatArray, direction: FloatArray) -> FloatArray:
    """Length (T,) of `vectors` (T, 3) along `direction` (T, 3); 0 where there is no direction."""
    length = np.maximum(np.linalg.norm(direction, axis=-1), 1e-12)
    projection: FloatArray = np.sum(vectors * direction, axis=-1) / length
    return projection
