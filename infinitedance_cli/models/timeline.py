"""Music features brought to the time grid of the codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLES_PER_STEP = 3
"""Readings of the music in each step. 25 Hz features hold 3⅓ frames in a step of 4/30 s."""


def music_at_steps(
    features: NDArray[np.floating],
    rate_hz: float,
    steps: int,
    step_s: float,
    first_step: int = 0,
    first_row: int = 0,
) -> NDArray[np.float32]:
    """Music features (T', D) at `rate_hz` as (steps, 3·D): each step reads three moments inside its own duration.

    Feature row i stands for the moment (first_row + i) / rate_hz; beyond the first and the last row the edge row holds.
    """
    inside = (np.arange(SAMPLES_PER_STEP) + 0.5) / SAMPLES_PER_STEP
    times = (np.arange(first_step, first_step + steps)[:, None] + inside) * step_s
    position = np.clip(times.ravel() * rate_hz - first_row, 0, len(features) - 1)
    return _read(features, position).reshape(steps, -1)


def music_at_rate(
    features: NDArray[np.floating], rate_hz: float, wanted_hz: float, first_row: int, rows: int
) -> NDArray[np.float32]:
    """Music features (T', D) at `rate_hz` as (rows, D) at `wanted_hz`, from row `first_row` of that rate on; before the
    first and after the last row the edge row holds."""
    position = (first_row + np.arange(rows)) * (rate_hz / wanted_hz)
    return _read(features, np.clip(position, 0, len(features) - 1))


def _read(features: NDArray[np.floating], position: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows at fractional positions (N,) within the features, interpolated."""
    low = position.astype(int)
    high = np.minimum(low + 1, len(features) - 1)
    part = (position - low)[:, None]
    # Half-precision rows are read where they are needed, so that a long song is never copied whole.
    rows = features[low].astype(np.float32) * (1 - part) + features[high].astype(np.float32) * part
    return rows.astype(np.float32)
