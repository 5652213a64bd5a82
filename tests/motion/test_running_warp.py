from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.motion.beats import beat_alignment, kinematic_beats
from infinitedance_cli.motion.running_warp import RunningBeats, RunningWarp
from infinitedance_cli.motion.warp import BeatWarp, beat_warp

FRAMES = 600
MUSIC = np.arange(7.0, FRAMES, 16.4)


def motion_beats(seed: int) -> NDArray[np.float64]:
    """Near the music's beats: off by up to 6 frames."""
    return np.sort(MUSIC + np.random.default_rng(seed).uniform(-6, 6, len(MUSIC)))


def settled(
    motion: NDArray[np.float64], step: int, lag: float = 20.0, config: BeatWarp | None = None
) -> NDArray[np.float64]:
    """Source times of a dance of which `step` frames become known at a time."""
    warp = RunningWarp(config or BeatWarp(), lag)
    parts = [warp.settle(motion[motion < known + 20], MUSIC, known, None) for known in range(step, FRAMES, step)]
    return np.concatenate([*parts, warp.settle(motion, MUSIC, FRAMES, FRAMES)])


@pytest.mark.parametrize("seed", range(3))
def test_known_as_a_whole_it_is_the_whole_warp(seed: int) -> None:
    times = RunningWarp(BeatWarp(), 20).settle(motion_beats(seed), MUSIC, FRAMES, FRAMES)
    np.testing.assert_allclose(times, beat_warp(FRAMES, motion_beats(seed), MUSIC, BeatWarp()), atol=1e-9)


@pytest.mark.parametrize("step", [17, 60, 150])
def test_bit_by_bit_the_length_the_rate_and_the_ends_are_kept(step: int) -> None:
    for seed in range(5):
        times = settled(motion_beats(seed), step)
        assert len(times) == FRAMES and times[0] == 0 and times[-1] == FRAMES - 1
        speed = np.diff(times)
        # The last second may go back to its time faster than that: its end was not known before.
        assert speed[:-45].min() > 1 / 1.25 and speed[:-45].max() < 1.25 and speed.min() > 0
        assert np.abs(np.diff(speed)).max() < 0.08  # no jump of speed where it was settled


@pytest.mark.parametrize("seed", range(3))
def test_beats_are_met_nearly_as_well_as_with_the_whole_dance(seed: int) -> None:
    motion = motion_beats(seed)

    def score(times: NDArray[np.float64]) -> float:
        return beat_alignment(MUSIC, np.interp(motion, times, np.arange(FRAMES)))

    before, whole, running = (
        beat_alignment(MUSIC, motion),
        *(score(times) for times in (beat_warp(FRAMES, motion, MUSIC, BeatWarp()), settled(motion, 60))),
    )
    assert running > before + 0.8 * (whole - before)


def test_without_beats_timing_goes_on_and_changes_nothing() -> None:
    warp = RunningWarp(BeatWarp(), 20)
    first = warp.settle(np.zeros(0), np.zeros(0), 200.0, None)
    np.testing.assert_allclose(first, np.arange(len(first)))
    assert 200 - 20 - 45 <= len(first) <= 180
    np.testing.assert_allclose(warp.settle(np.zeros(0), np.zeros(0), 203, 203), np.arange(len(first), 203))


def test_an_end_that_comes_too_soon_is_reached_all_the_same() -> None:
    """Seven frames of delay are settled 30 frames before the end turns up."""
    motion = MUSIC + 7
    warp = RunningWarp(BeatWarp(effort=0.0), 15)
    first = warp.settle(motion, MUSIC, 300.0, None)
    last = warp.settle(motion, MUSIC, 300, len(first) + 30)
    times = np.concatenate([first, last])
    assert first[-1] - len(first) > 5 and times[-1] == len(first) + 29 and np.diff(times).min() > 0


@pytest.mark.parametrize("frames", [1, 2])
def test_a_frame_or_two(frames: int) -> None:
    times = RunningWarp(BeatWarp(), 20).settle(np.zeros(0), MUSIC, frames, frames)
    np.testing.assert_array_equal(times, np.arange(frames))


def test_beats_of_a_motion_in_parts_are_those_of_the_whole() -> None:
    walk = np.random.default_rng(0).normal(size=(400, 22, 3)).cumsum(axis=0)
    expected, running = kinematic_beats(walk), RunningBeats()
    for start in range(0, 400, 37):
        running.add(walk[start : start + 37])
        running.forget(start - 100)
        found, known = running.beats(), running.known
        first = max(0, start - 100)
        inside = (expected >= first) & (expected < known)
        np.testing.assert_array_equal(found[(found >= first) & (found < known)], expected[inside])
    assert running.known > 370
