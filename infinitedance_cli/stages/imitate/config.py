"""Settings of `idance imitate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from infinitedance_cli.stages.imitate.balance import BalanceConfig
from infinitedance_cli.stages.imitate.grounding import GroundingConfig
from infinitedance_cli.stages.imitate.tracking import Quality


@dataclass(frozen=True)
class ImitateConfig:
    """`engine` is a plug-in of the kind "physics"; `quality` "fast" helps the body at the root where it must and as
    much as it must, "physical" works longer to need less; `keep_failed` lets clips pass in which the body fell, marked;
    `jobs` clips at once, 0 for as many as there are cores; `grounding` of the reference."""

    engine: str = "mujoco"
    quality: Quality = "fast"
    keep_failed: bool = False
    jobs: Annotated[int, Ge(0), Le(256)] = 0
    grounding: GroundingConfig = GroundingConfig()
    balance: BalanceConfig = BalanceConfig()
