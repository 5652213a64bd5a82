"""Monotone changes of a clip's timing: read it at other times, and bring its kinematic beats onto the music's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import UsageError
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.beats import ALIGNMENT_SIGMA_FRAMES, Frames, kinematic_beats, nearest_distance
from infinitedance_cli.motion.clip import FootContacts, MotionClip
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT

FloatArray = NDArray[np.floating]


def warp_times(clip: MotionClip, times: FloatArray) -> MotionClip:
    """The clip read at fractional source frames `times` (T',), non-decreasing, in [0, T-1]; fps stays.

    Cubic splines through positions and sign-continuous quaternions: unlike slerp they leave no kink at each source
    frame. Contacts and expression follow; tokens are dropped. Raises UsageError on times outside or running back.
    """
    from scipy.interpolate import CubicSpline

    if len(times) == 0 or times.min() < 0 or times.max() > clip.frames - 1 or np.any(np.diff(times) < 0):
        raise UsageError(f"warp times must rise within [0, {clip.frames - 1}]; found {times[:1]} … {times[-1:]}")
    if clip.frames < 2:
        return replace(clip, tokens=None)
    source = np.arange(clip.frames)
    root = CubicSpline(source, clip.root_position)(times)
    joints = CubicSpline(source, rotation.continuous(clip.joint_rotation))(times)
    nearest = np.rint(times).astype(int)
    contacts, body = clip.contacts, clip.body
    if contacts is not None:
        contacts = FootContacts(contacts.planted[nearest], contacts.labels)
    if body is not None and body.expression is not None:
        body = replace(body, expression=body.expression[nearest])
    return replace(
        clip,
        root_position=root.astype(np.float32),
        joint_rotation=rotation.normalize(joints).astype(np.float32),
        contacts=contacts,
        body=body,
        tokens=None,
    )


@dataclass(frozen=True)
class BeatWarp:
    """How `beat_warp` searches.

    `max_rate`: the local playing speed stays within [1/max_rate, max_rate]. `max_shift` frames: how far any moment may
    move. `step` frames: resolution of the shifts. `effort`: price of changing speed, in beats met per beat played at
    the greatest change; higher leaves more of the original timing.
    """

    max_rate: float = 1.18
    max_shift: float = 15.0
    step: float = 0.25
    effort: float = 0.15


_PCHIP_STEEPNESS = 1.5
"""A monotone cubic between flat ends is at most 1.5 times as steep as the straight line."""


def beat_warp(frames: int, motion_beats: Frames, music_beats: Frames, config: BeatWarp) -> FloatArray:
    """Source times (T,) for every target frame such that kinematic beats fall on music beats.

    `motion_beats` (M,) and `music_beats` (N,) in frames. Viterbi search over the shift (source minus target time) at
    each music beat: reward exp(−d²/2σ²) for a kinematic beat d frames away, as in the beat alignment score, minus the
    effort; the shift is 0 at both ends, so that the length is kept exactly, and changes no faster than the rate allows.
    Between beats the shift follows a monotone cubic.
    """
    from scipy.interpolate import PchipInterpolator

    beats = np.asarray(music_beats, np.float64)
    inside = np.unique(beats[(beats > 0) & (beats < frames - 1)])
    if len(motion_beats) == 0 or len(inside) == 0 or config.max_rate <= 1:
        return np.arange(frames, dtype=np.float64)
    knots = np.concatenate(([0.0], inside, [frames - 1.0]))
    search = ShiftSearch(config)
    rewards = np.vstack((search.rewards(inside, motion_beats), search.only_zero()))
    path = search.best_path(knots, rewards)
    target = np.arange(frames)
    times: FloatArray = np.clip(target + PchipInterpolator(knots, search.shifts[path])(target), 0, frames - 1)
    return times


class ShiftSearch:
    """Viterbi search over the shifts (S,), source minus target frames, at knots of time."""

    def __init__(self, config: BeatWarp) -> None:
        count = round(config.max_shift / config.step)
        self.config, self.zero = config, count
        self.shifts: FloatArray = np.arange(-count, count + 1) * config.step

    @property
    def slopes(self) -> tuple[float, float]:
        """How fast a shift may fall and rise, frames a frame."""
        rate = self.config.max_rate
        return (1.0 - 1.0 / rate) / _PCHIP_STEEPNESS, (rate - 1.0) / _PCHIP_STEEPNESS

    def rewards(self, music_beats: FloatArray, motion_beats: Frames) -> FloatArray:
        """What each shift (N, S) brings at N music beats: how near a kinematic beat of `motion_beats` (M,) comes."""
        if len(motion_beats) == 0 or len(music_beats) == 0:
            return np.zeros((len(music_beats), len(self.shifts)))
        at = (music_beats[:, None] + self.shifts).ravel()
        distance = nearest_distance(at, np.asarray(motion_beats, np.float64))
        gain: FloatArray = np.exp(-(distance**2) / (2 * ALIGNMENT_SIGMA_FRAMES**2)).reshape(len(music_beats), -1)
        return gain

    def only_zero(self) -> FloatArray:
        """The reward (1, S) of a knot at which nothing may be shifted."""
        return np.where(np.arange(len(self.shifts)) == self.zero, 0.0, -np.inf)[None]

    def best_path(self, knots: FloatArray, rewards: FloatArray, start: int | None = None) -> NDArray[np.int64]:
        """Indices (K,) into `shifts` at each of the K knots, from index `start` (the zero shift) at the first one on.

        `rewards` (K - 1, S) are those of the other knots.
        """
        config, shifts = self.config, self.shifts
        slowest, fastest = self.slopes
        change = shifts[:, None] - shifts[None, :]
        score = np.where(np.arange(len(shifts)) == (self.zero if start is None else start), 0.0, -np.inf)
        back = np.zeros((len(knots), len(shifts)), dtype=np.int64)
        for knot in range(1, len(knots)):
            slope = change / (knots[knot] - knots[knot - 1])
            price = config.effort * np.where(slope > 0, slope / fastest, slope / slowest) ** 2
            allowed = (slope <= fastest) & (slope >= -slowest)
            total = np.where(allowed, score[None, :] - price, -np.inf)
            back[knot] = np.argmax(total, axis=1)
            score = np.take_along_axis(total, back[knot][:, None], axis=1)[:, 0] + rewards[knot - 1]
        path = np.full(len(knots), int(np.argmax(score)))
        for knot in range(len(knots) - 1, 0, -1):
            path[knot - 1] = back[knot, path[knot]]
        return path


def align_to_beats(clip: MotionClip, beats: Frames, config: BeatWarp | None = None) -> MotionClip:
    """The clip with its kinematic beats moved towards the music's `beats` (B,), frames; as long as before.

    Only timing changes, so planted feet stay planted; lock feet before, for locking moves kinematic beats. See
    `beat_warp`.
    """
    motion = kinematic_beats(clip.joint_positions()[:, :BODY_JOINT_COUNT])
    times = beat_warp(clip.frames, motion, beats, config or BeatWarp())
    return warp_times(clip, times)
