"""Which continuation goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.stages.generate.brief import make_brief
from infinitedance_cli.stages.generate.choosing import Chooser
from infinitedance_cli.stages.generate.config import ChoiceConfig, GenerateConfig
from tests.stages.generate.songs import song

PERIOD = 15.0  # frames from beat to beat at 120 BPM


@pytest.fixture(scope="module")
def chooser(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Chooser:
    path = song(tmp_path_factory.mktemp("songs") / "clicks.wav", 3.0)
    config = GenerateConfig(model=str(tiny_bundle), genre="salsa", choice=ChoiceConfig(pace_weight=0.5, pace_band=0.1))
    return Chooser(make_brief(str(path), config))


def swaying(speed: float, phase: float = 0.0, frames: int = 120) -> NDArray[np.float32]:
    """All joints swing to and fro at a mean `speed`, m/s, and turn round `phase` of a beat after each beat."""
    times = np.arange(frames) / PERIOD - phase
    joints = np.zeros((frames, 22, 3), np.float32)
    joints[..., 0] = (speed * PERIOD / 30 / 2 * np.cos(np.pi * times))[:, None]
    return joints


def test_turning_round_on_the_beat_is_better_than_between(chooser: Chooser) -> None:
    beats = np.arange(PERIOD, 110, PERIOD)
    # A little beside the frames: a minimum of two equal speeds counts as none.
    on, off = (chooser.score(swaying(chooser.pace, phase), beats, slice(None)) for phase in (0.01, 0.51))
    assert on > 0.8 and off < -0.8


def test_pace_costs_only_beyond_its_band(chooser: Chooser) -> None:
    beats = np.zeros(0)
    same, twice = (chooser.score(swaying(chooser.pace * factor), beats, slice(None)) for factor in (1.0, 2.0))
    assert same == 0
    assert twice == pytest.approx(-0.5 * (np.log(2) - 0.1), abs=0.01)
