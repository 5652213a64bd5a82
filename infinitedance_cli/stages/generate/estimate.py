"""How long a dance will take, said before anything heavy is loaded."""

from __future__ import annotations

import logging

from infinitedance_cli.music.decode import stated_duration
from infinitedance_cli.music.sources import AudioSource, source_name
from infinitedance_cli.stages.generate.config import GenerateConfig

logger = logging.getLogger(__name__)

LOADING_S = 2.0
HEARING_S = 0.008
DANCING_S = 0.045
"""Seconds to start; seconds to hear a second of music; seconds to dance a second of music, per take. Measured with the
starter model on one core of a server of 2023; `tests/benchmarks/bench_speed.py` measures them again."""


def estimate_s(music_s: float, takes: int) -> float:
    """About how many seconds it takes to dance `music_s` seconds of music `takes` times."""
    return LOADING_S + music_s * (HEARING_S + takes * DANCING_S)


def announce(source: AudioSource, config: GenerateConfig) -> None:
    """Tell the user about how long it will take, by the length that the song's header states.

    Raises:
        BadInput: no such file, not a sound file, or no audio track.
    """
    stated, name = stated_duration(source), source_name(source)
    if stated is None and config.duration is None:
        rate = estimate_s(60, config.takes) - LOADING_S
        logger.info("%s: of unknown length; expect about %.0f s for every minute of music", name, rate)
        return
    music_s = max(0.0, (stated if stated is not None else float("inf")) - config.start)
    music_s = min(music_s, config.duration) if config.duration is not None else music_s
    takes = "" if config.takes == 1 else f", {config.takes} takes"
    seconds = estimate_s(music_s, config.takes)
    logger.info("%s: %.0f s of music%s; this will take about %.0f s", name, music_s, takes, seconds)
