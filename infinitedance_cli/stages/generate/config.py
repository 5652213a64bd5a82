"""Settings of `idance generate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infinitedance_cli.config import to_dict
from infinitedance_cli.errors import ConfigError
from infinitedance_cli.models.bundle_files import STARTER
from infinitedance_cli.models.sampling_config import SamplingConfig
from infinitedance_cli.motion import genres
from infinitedance_cli.motion.footlock import FootLock
from infinitedance_cli.motion.ground import GroundConfig
from infinitedance_cli.motion.stance import StanceConfig
from infinitedance_cli.motion.warp import BeatWarp
from infinitedance_cli.stages.generate.released_config import ReleasedConfig

AUTO = "auto"
"""The genre that stands for: whatever goes with the song."""

RELEASE = "release"
"""The protocol that dances as the authors' scripts do."""

_LARGEST_SEED = 2**63 - 1
"""What torch's generators take."""


@dataclass(frozen=True)
class FinishConfig:
    """What is done to the decoded motion: hovering and drift taken out, feet locked, timing moved onto the beat.

    Each can be switched off; the order matters, because a change of timing keeps planted feet planted and a changed
    foot moves the moments at which the body rests.
    """

    ground: bool = True
    flight: GroundConfig = field(default_factory=GroundConfig)
    carry_by_stance: bool = True
    stance: StanceConfig = field(default_factory=StanceConfig)
    lock_feet: bool = True
    feet: FootLock = field(default_factory=FootLock)
    align_beats: bool = True
    beats: BeatWarp = field(default_factory=BeatWarp)


@dataclass(frozen=True)
class DanceSampling(SamplingConfig):
    """`SamplingConfig` for dances: codes of the last four seconds are drawn less often again, and of the last thirteen
    seconds few are spent spinning.

    Without that the model stands still, or one pirouette follows the other.
    """

    repetition_penalty: float = 1.5
    repetition_window: int = 32
    turn_limit: float = 2.0


@dataclass(frozen=True)
class ChoiceConfig:
    """Of `candidates` continuations of `span` steps the best goes on (1: the one that was drawn).

    What counts is the beat gap, less `pace_weight` for every factor e by which the mean joint speed is farther from the
    genre's than a factor of exp(`pace_band`). Candidates are decoded after `context` steps that are settled.
    """

    candidates: int = 4
    span: int = 24
    context: int = 8
    pace_weight: float = 0.6
    pace_band: float = 0.2

    def __post_init__(self) -> None:
        for name in ("candidates", "span", "context"):
            if getattr(self, name) < 1:
                raise ConfigError(f"choice.{name} is {getattr(self, name)}; expected 1 or more")


@dataclass(frozen=True)
class GenerateConfig:
    """How a dance is made.

    `model` is "starter", "infinitedance" (the published one) or a folder; `genre` a name or "auto" (what the retriever
    hears in the song); `takes` dances are made, with seeds `seed`, `seed` + 1 …; the song is read from `start` seconds
    on for `duration` seconds (None: to its end). `references` retrieved dances are drawn from twice as many for every
    window; `guidance` above 1 follows music and genre more closely than the model would by itself. Windows share `kept`
    steps (None: half a window). `protocol` and `released` are for the published model only: "release" makes it dance as
    its authors' scripts do, but for what is set under `released`.
    """

    model: str = STARTER
    genre: str = AUTO
    seed: int = 0
    takes: int = 1
    start: float = 0.0
    duration: float | None = None
    sampling: DanceSampling = field(default_factory=DanceSampling)
    guidance: float = 1.0
    references: int = 4
    kept: int | None = None
    choice: ChoiceConfig = field(default_factory=ChoiceConfig)
    finish: FinishConfig = field(default_factory=FinishConfig)
    protocol: str = "idance"
    released: ReleasedConfig = field(default_factory=ReleasedConfig)
    device: str = "auto"

    @property
    def released_settings(self) -> ReleasedConfig:
        """What the published model dances by: `released`, or where nothing of that is set the protocol's own way."""
        untouched = self.protocol == RELEASE and self.released == ReleasedConfig()
        return ReleasedConfig.release() if untouched else self.released

    @staticmethod
    def presets(values: Mapping[str, Any]) -> dict[str, Any]:
        """The release's settings where its protocol is asked for; see `config`."""
        return {"released": to_dict(ReleasedConfig.release())} if values.get("protocol") == RELEASE else {}

    def __post_init__(self) -> None:
        if self.protocol not in ("idance", RELEASE):
            raise ConfigError(f"protocol is {self.protocol!r}; expected idance or {RELEASE}")
        if self.takes < 1:
            raise ConfigError(f"takes is {self.takes}; expected 1 or more")
        if not 0 <= self.seed <= _LARGEST_SEED - self.takes:
            raise ConfigError(f"seed is {self.seed}; expected 0 to 2**63 less the number of takes")
        if self.start < 0 or (self.duration is not None and self.duration <= 0):
            raise ConfigError(f"start {self.start} and duration {self.duration}: expected start ≥ 0 and duration > 0")
        if self.references < 0:
            raise ConfigError(f"references is {self.references}; expected 0 or more")
        if self.guidance < 0:
            raise ConfigError(f"guidance is {self.guidance}; expected 0 or more (1: none)")
        if self.genre != AUTO:
            genres.canonical(self.genre)
