"""Beats that a dance shows, and how well they meet the beats of the music."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput

SPEED_SIGMA_FRAMES = 5.0
ALIGNMENT_SIGMA_FRAMES = 3.0

FloatArray = NDArray[np.floating]
Frames = NDArray[np.floating] | NDArray[np.integer]


def joint_speed(positions: FloatArray, sigma: float = SPEED_SIGMA_FRAMES) -> FloatArray:
    """Mean step length (T-1,) over all joints of `positions` (T, J, 3), m/frame, Gaussian-smoothed over `sigma` frames.

    `sigma` 0 leaves it as it is.
    """
    return smooth_speed(step_lengths(positions), sigma)


def step_lengths(positions: FloatArray) -> FloatArray:
    """Mean step length (T-1,) over all joints of `positions` (T, J, 3), m/frame."""
    lengths: FloatArray = np.linalg.norm(np.diff(positions.astype(np.float64), axis=0), axis=-1).mean(axis=-1)
    return lengths


def smooth_speed(lengths: FloatArray, sigma: float = SPEED_SIGMA_FRAMES) -> FloatArray:
    """Step lengths (N,), Gaussian-smoothed over `sigma` frames."""
    from scipy.ndimage import gaussian_filter1d

    smooth: FloatArray = gaussian_filter1d(lengths, sigma) if sigma > 0 else lengths
    return smooth


def kinematic_beats(positions: FloatArray) -> NDArray[np.int64]:
    """Frames (B,) at which the dancer nearly stops: strict local minima of the smoothed mean joint speed.

    `positions` (T, J, 3) in the world at 30 fps, J 22 for published figures. Beat `t` lies on the step t → t+1.
    """
    return speed_minima(joint_speed(positions))


def speed_minima(speed: FloatArray) -> NDArray[np.int64]:
    """Steps (B,) of the strict local minima of a smooth speed (N,)."""
    return np.flatnonzero((speed[1:-1] < speed[:-2]) & (speed[1:-1] < speed[2:])) + 1


def nearest_distance(points: Frames, targets: Frames) -> FloatArray:
    """Distance (N,) from each of `points` (N,) to the nearest of the sorted `targets` (M ≥ 1,)."""
    right = np.clip(np.searchsorted(targets, points), 1, max(len(targets) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(targets) - 1)
    distances: FloatArray = np.minimum(np.abs(points - targets[left]), np.abs(points - targets[right]))
    return distances


def beat_alignment(music_beats: Frames, motion_beats: Frames, sigma: float = ALIGNMENT_SIGMA_FRAMES) -> float:
    """Beat alignment score: mean over music beats of exp(−d² / 2σ²), d frames to the nearest kinematic beat.

    Both (B,) in frames, sorted. Published code rounds music beats to frames and drops those beyond the motion.
    A motion without beats scores 0 (published code fails there). Raises BadInput without music beats.
    """
    if len(music_beats) == 0:
        raise BadInput("beat alignment: the music has no beat; expected at least one")
    if len(motion_beats) == 0:
        return 0.0
    distance = nearest_distance(np.asarray(music_beats, np.float64), np.asarray(motion_beats, np.float64))
    return float(np.exp(-(distance**2) / (2 * sigma**2)).mean())


def offbeats(beats: Frames) -> FloatArray:
    """Points (B-1,) half-way between successive `beats` (B,)."""
    middles: FloatArray = 0.5 * (beats[1:] + beats[:-1])
    return middles


def beat_gap(positions: FloatArray, beats: Frames) -> float:
    """Alignment of `positions` (T, J, 3) with its own music's `beats` (B ≥ 2,), frames, minus that half a beat off.

    Zero for a dance that ignores the music, whatever its density of kinematic beats. Raises BadInput with fewer than
    two beats.
    """
    if len(beats) < 2:
        raise BadInput(f"beat gap: found {len(beats)} beats; expected at least 2")
    motion = kinematic_beats(positions)
    return beat_alignment(beats, motion) - beat_alignment(offbeats(beats), motion)
