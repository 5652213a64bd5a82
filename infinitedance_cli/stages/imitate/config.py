"""Settings of `idance imitate`."""

from __future__ import annotations

from dataclasses import dataclass

from infinitedance_cli.stages.imitate.balance import BalanceConfig
from infinitedance_cli.stages.imitate.grounding import GroundingConfig
from infinitedance_cli.stages.imitate.tracking import Quality


@dataclass(frozen=True)
class ImitateConfig:
    """`engine` is a plug-in of the kind "physics"; `quality` "fast" helps the body at the root where it must and as
    much as it must, "physical" works longer to need less; `keep_failed` lets clips pass in which the body fell, marked;
    `grounding` of the reference."""

    engine: str = "mujoco"
    quality: Quality = "fast"
    keep_failed: bool = False
    grounding: GroundingConfig = GroundingConfig()
    balance: BalanceConfig = BalanceConfig()
