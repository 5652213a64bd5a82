from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.music.rhythm import known_rhythm, no_rhythm


def test_phase_is_zero_at_beats_and_half_between() -> None:
    rhythm = known_rhythm(np.array([1.0, 1.5, 2.1, 2.5]), 4.0)
    assert rhythm.beat_phase(np.array([1.0, 1.5, 2.1])) == pytest.approx([0, 0, 0])
    assert rhythm.beat_phase(np.array([1.25, 1.8, 2.2])) == pytest.approx([0.5, 0.5, 0.25])


def test_bar_phase_runs_over_the_meter() -> None:
    rhythm = known_rhythm(np.arange(0, 6, 0.5), 6.0, meter=3)
    assert rhythm.downbeats == pytest.approx([0.0, 1.5, 3.0, 4.5])
    assert rhythm.bar_phase(np.array([0.5, 1.0, 1.5])) == pytest.approx([1 / 3, 2 / 3, 0])


def test_phase_goes_on_for_four_beats_and_no_further() -> None:
    rhythm = known_rhythm(np.arange(10, 20, 0.5), 30.0)
    assert rhythm.beat_phase(np.array([8.25, 9.0])) == pytest.approx([0.5, 0.0])
    assert np.isnan(rhythm.beat_phase(np.array([7.9, 25.0]))).all()


def test_no_beat_has_no_phase() -> None:
    assert np.isnan(no_rhythm(3.0).beat_phase(np.linspace(0, 3, 5))).all()


def test_a_cut_moves_the_beats() -> None:
    part = known_rhythm(np.arange(0, 10, 0.5), 10.0).shifted(1.8, 2.0)
    assert part.beats == pytest.approx([0.2, 0.7, 1.2, 1.7])
    assert part.downbeats == pytest.approx([0.2])
    assert part.duration_s == 2.0


def test_tempo_is_the_median_over_eight_beats() -> None:
    assert known_rhythm(np.arange(0, 20, 0.4), 20.0).tempo_bpm == pytest.approx(150.0)


def test_beats_that_do_not_increase_are_refused() -> None:
    with pytest.raises(ValueError, match="increase"):
        known_rhythm(np.array([1.0, 1.0, 2.0]), 3.0)
