"""Settings of `idance generate --stream`."""

from __future__ import annotations

from dataclasses import dataclass, field

from infinitedance_cli.errors import ConfigError
from infinitedance_cli.motion.running_warp import RunningWarp
from infinitedance_cli.motion.warp import BeatWarp
from infinitedance_cli.music.listening import ListeningConfig
from infinitedance_cli.stages.generate.config import ChoiceConfig, GenerateConfig


@dataclass(frozen=True)
class OverlapConfig:
    """How far each step looks beyond what it gives out; more is smoother and comes later.

    Codes are decoded `decoded_steps` at a time; feet planted `planted` frames at a time, seen with `past` frames before
    and `ahead` after them, each window taking over from the last within `blend` frames; timing is settled `timing_lag`
    frames behind the last known kinematic beat, in the first `opening` frames as soon as it can be.
    """

    decoded_steps: int = 12
    planted: int = 52
    past: int = 120
    ahead: int = 36
    blend: int = 12
    timing_lag: int = 90
    opening: int = 61

    def __post_init__(self) -> None:
        for name in ("decoded_steps", "planted", "ahead"):
            if getattr(self, name) < 1:
                raise ConfigError(f"stream.overlap.{name} is {getattr(self, name)}; expected 1 or more")
        if self.past < 0 or self.timing_lag < 0 or not 0 <= self.blend <= self.ahead:
            raise ConfigError(
                f"stream.overlap: past {self.past}, timing_lag {self.timing_lag} and blend {self.blend} must not be "
                f"negative, and blend not above ahead ({self.ahead})"
            )

    def warp(self, beats: BeatWarp) -> RunningWarp:
        """How timing is moved onto the beat."""
        return RunningWarp(beats, self.timing_lag, self.opening)


@dataclass(frozen=True)
class StreamConfig:
    """`piece_steps` of codes, four frames each, are one piece; see the two others."""

    piece_steps: int = 15
    listening: ListeningConfig = field(default_factory=ListeningConfig)
    overlap: OverlapConfig = field(default_factory=OverlapConfig)

    def __post_init__(self) -> None:
        if self.piece_steps < 1:
            raise ConfigError(f"stream.piece_steps is {self.piece_steps}; expected 1 or more")


@dataclass(frozen=True)
class StreamedConfig(GenerateConfig):
    """How a dance is made that leaves in pieces while its song is still coming in. Candidates are shorter,
    so that the first piece can leave after 60 steps, and that takes its `opening` to be a frame longer than a piece.
    """

    choice: ChoiceConfig = field(default_factory=lambda: ChoiceConfig(span=20))
    stream: StreamConfig = field(default_factory=StreamConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.takes != 1:
            raise ConfigError(f"--stream dances one take, and {self.takes} were asked for; leave out --takes")
