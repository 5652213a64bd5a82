"""Do the feet stand where they stand?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.contact import PAPER

_ANKLES, _TOES = (7, 8), (10, 11)
SLIDE_STEP = 0.01
"""A planted foot slides when it moves more than this, m/frame at 30 fps."""
_SAME_HEIGHT = 0.02

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class FootSliding:
    """Foot sliding of one dance.

    `lodge` share of the foot-frames in contact that slide by LODGE's test, `strict` by true horizontal speed: each
    the mean over left and right, NaN for a foot never in contact left out. `contact` share of frames with at least one
    foot in contact: without it a sliding figure says nothing, for feet in the air do not slide.
    """

    lodge: float
    strict: float
    contact: float


def toe_floor(positions: FloatArray) -> float:
    """LODGE's floor: the toe height at frame 0, the mean of both toes if they differ by < 2 cm, else the lower."""
    left, right = (float(positions[0, toe, 1]) for toe in _TOES)
    return 0.5 * (left + right) if abs(left - right) < _SAME_HEIGHT else min(left, right)


def foot_sliding(
    positions: FloatArray, floor: float | None = None, planted: NDArray[np.bool_] | None = None
) -> FootSliding:
    """Foot sliding of joints `positions` (T ≥ 2, 22, 3), 30 fps.

    `floor` metres: height of the toe *joint* of a standing foot; None takes LODGE's rule (`toe_floor`), which is wrong
    for dances that begin in the air. A foot is in contact when its ankle is at most 0.08 m and its toe at most 0.05 m
    above that (paper and LODGE). It slides when its ankle or toe moves more than 1 cm a frame: in the mean of the two
    *signed* horizontal components for LODGE (so (dx, -dx) never counts), in horizontal distance for strict.
    `planted` (T, 2) takes the place of the height test where contact is known otherwise.
    """
    if positions.ndim != 3 or len(positions) < 2:
        raise BadInput(f"foot sliding: joints have shape {positions.shape}; expected (T, 22, 3) with T ≥ 2")
    joints = positions.astype(np.float64)
    height = toe_floor(joints) if floor is None else floor
    contact = feet_in_contact(joints, height) if planted is None else planted
    step = np.diff(joints[:, [_ANKLES, _TOES]], axis=0)[..., [0, 2]]
    lodge = (np.abs(step.mean(axis=-1)) > SLIDE_STEP).any(axis=1)
    strict = (np.linalg.norm(step, axis=-1) > SLIDE_STEP).any(axis=1)
    # LODGE counts contact in the last frame too, in which nothing moves any more.
    whole = np.concatenate((lodge, np.zeros_like(lodge[:1])))
    begun = contact[:-1]
    return FootSliding(_share(whole, contact), _share(strict, begun), float(begun.any(axis=1).mean()))


def feet_in_contact(positions: FloatArray, floor: float) -> NDArray[np.bool_]:
    """Contact (T, 2) of the left and right foot: ankle ≤ 0.08 m and toe ≤ 0.05 m above `floor`."""
    assert PAPER.ankle_height is not None and PAPER.toe_height is not None
    ankles, toes = positions[:, _ANKLES, 1] - floor, positions[:, _TOES, 1] - floor
    return np.asarray((ankles <= PAPER.ankle_height) & (toes <= PAPER.toe_height))


def mean_foot_sliding(dances: Iterable[FootSliding]) -> FootSliding:
    """The mean over `dances`; those whose feet never touch the floor count only in `contact`."""
    table = np.array([(dance.lodge, dance.strict, dance.contact) for dance in dances])
    if len(table) == 0:
        raise BadInput("foot sliding: no dance to average")
    values = [float(column[np.isfinite(column)].mean()) if np.isfinite(column).any() else np.nan for column in table.T]
    return FootSliding(*values)


def _share(slides: NDArray[np.bool_], contact: NDArray[np.bool_]) -> float:
    """Mean over feet of sliding over contact frames, (T, 2) both; NaN when neither foot is ever in contact."""
    counts = contact.sum(axis=0)
    used = counts > 0
    if not used.any():
        return float("nan")
    return float(((slides & contact).sum(axis=0)[used] / counts[used]).mean())


def physical_foot_contact(positions: FloatArray, fps: float = 30.0) -> float:
    """PFC (EDGE): mean over frames of slower-left × slower-right foot speed × root acceleration, × 10⁴.

    `positions` (T ≥ 4, 22, 3), y up. Downward root acceleration counts as zero; the acceleration is divided by its
    greatest value, the foot speeds are horizontal steps in m/frame. 0 for a root that never accelerates.
    """
    if positions.ndim != 3 or len(positions) < 4:
        raise BadInput(f"PFC: joints have shape {positions.shape}; expected (T, 22, 3) with T ≥ 4")
    joints = positions.astype(np.float64)
    acceleration = np.diff(joints[:, 0], n=2, axis=0) * fps**2
    acceleration[:, 1] = np.maximum(acceleration[:, 1], 0)
    size = np.linalg.norm(acceleration, axis=-1)
    if size.max() == 0:
        return 0.0
    step = np.linalg.norm(np.diff(joints[1:, [_ANKLES, _TOES]], axis=0)[..., [0, 2]], axis=-1)
    slower = step.min(axis=1)
    return float((slower[:, 0] * slower[:, 1] * size / size.max()).mean() * 1e4)
