"""How much of a dance is a copy of the training set?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput

WINDOW_FRAMES = 60
COPY_DISTANCE = 0.03
_EVERY = 4
_CHUNK = 4096

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class CopyReport:
    """`distance` (N,) metres from each window to its nearest training window, and the `share` that are copies.

    `clip` and `start` (N,) say which training clip, and from which of its frames, the nearest window was.
    """

    share: float
    distance: FloatArray
    clip: NDArray[np.int64]
    start: NDArray[np.int64]


def copied_windows(
    dances: Sequence[FloatArray],
    training: Sequence[FloatArray],
    *,
    stride: int = 15,
    training_stride: int = 1,
    threshold: float = COPY_DISTANCE,
    candidates: int = 8,
) -> CopyReport:
    """Compare every 2-s window of `dances` with every 2-s window of `training`, joints (T, 22, 3) at 30 fps.

    Windows are compared relative to the pelvis of each frame (its height kept) and turned about the vertical as a whole
    to fit best. Distance: mean over frames and joints, metres. The nearest `candidates` by root mean square on every
    fourth frame are found with one complex matrix product per block (the best turn is its phase), then measured in
    full. Windows begin every `stride` frames (`training_stride` in the training set). Raises BadInput when either side
    has no window.
    """
    queries = _windows(dances, stride)
    bank = _windows(training, training_stride)
    if len(queries) == 0 or len(bank) == 0:
        raise BadInput(f"copying: {len(queries)} windows of dance, {len(bank)} of training; expected some of both")
    query_local = [_local(dance) for dance in dances]
    bank_local = [_local(clip) for clip in training]
    nearest = _candidates(_flatten(query_local, queries), bank_local, bank, min(candidates, len(bank)))
    distance, chosen = np.empty(len(queries)), np.empty(len(queries), dtype=np.int64)
    for row, (clip, start) in enumerate(queries):
        window = query_local[clip][start : start + WINDOW_FRAMES]
        others = np.stack([bank_local[c][s : s + WINDOW_FRAMES] for c, s in bank[nearest[row]]])
        exact = _mean_distance(window, others)
        distance[row], chosen[row] = exact.min(), nearest[row][exact.argmin()]
    return CopyReport(float((distance < threshold).mean()), distance, bank[chosen, 0], bank[chosen, 1])


def _windows(clips: Sequence[FloatArray], stride: int) -> NDArray[np.int64]:
    """(clip, first frame) of every whole window, (N, 2)."""
    pairs = [(c, s) for c, clip in enumerate(clips) for s in range(0, len(clip) - WINDOW_FRAMES + 1, stride)]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _local(positions: FloatArray) -> FloatArray:
    """Positions relative to the pelvis' x and z, float32."""
    joints = positions.astype(np.float32)
    local: FloatArray = joints - joints[:, :1] * np.array([1, 0, 1], dtype=np.float32)
    return local


def _flatten(clips: Sequence[FloatArray], windows: NDArray[np.int64]) -> tuple[NDArray[np.complex64], FloatArray]:
    """Every fourth frame of the windows: horizontal as complex (N, D), vertical (N, D)."""
    taken = np.stack([clips[c][s : s + WINDOW_FRAMES : _EVERY] for c, s in windows])
    planar = (taken[..., 0] + 1j * taken[..., 2]).reshape(len(windows), -1).astype(np.complex64)
    return planar, taken[..., 1].reshape(len(windows), -1)


def _candidates(
    query: tuple[NDArray[np.complex64], FloatArray],
    clips: Sequence[FloatArray],
    bank: NDArray[np.int64],
    count: int,
) -> NDArray[np.int64]:
    """Indices (N, count) into `bank` of the windows nearest in root mean square, after the best turn."""
    planar, vertical = query
    best = np.full((len(planar), count), np.inf, dtype=np.float32)
    index = np.zeros((len(planar), count), dtype=np.int64)
    for begin in range(0, len(bank), _CHUNK):
        other_planar, other_vertical = _flatten(clips, bank[begin : begin + _CHUNK])
        energy = np.sum(np.abs(other_planar) ** 2, axis=1) + np.sum(other_vertical**2, axis=1)
        match = np.abs(planar.conj() @ other_planar.T) + vertical @ other_vertical.T
        # The query's own energy is the same for all candidates and left out.
        both = np.concatenate((best, energy - 2 * match), axis=1)
        ids = np.concatenate((index, np.broadcast_to(begin + np.arange(len(energy)), match.shape)), axis=1)
        order = np.argpartition(both, count - 1, axis=1)[:, :count]
        best, index = np.take_along_axis(both, order, axis=1), np.take_along_axis(ids, order, axis=1)
    return index


def _mean_distance(window: FloatArray, others: FloatArray) -> FloatArray:
    """Mean joint distance (C,) from `window` (F, J, 3) to each of `others` (C, F, J, 3) after the best turn."""
    own = window[..., 0] + 1j * window[..., 2]
    theirs = others[..., 0] + 1j * others[..., 2]
    inner = np.sum(own * theirs.conj(), axis=(1, 2))
    turned = theirs * (inner / np.maximum(np.abs(inner), 1e-12))[:, None, None]
    squared = np.abs(own - turned) ** 2 + (window[..., 1] - others[..., 1]) ** 2
    distance: FloatArray = np.sqrt(squared).mean(axis=(1, 2))
    return distance
