"""Settings of `idance restore-feet`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Gt, Le

from infinitedance_cli.models.foot_restorer_sampling_config import SamplingConfig


@dataclass(frozen=True)
class PlantingConfig:
    """What makes of the restored columns a motion whose feet stand.

    `anchor`: how firmly the body's path stays where it came in, against steps that were mended; the network tells
    steps, and their sum would wander off. `smooth`: weight of third differences in what is mended; 5 halves what
    happens 3 to 4 times a second. `plant`: put planted feet exactly to rest by inverse kinematics; a contact
    begins at `probability`, half of it keeps it; `ease` frames over which a foot comes to rest. `lift`: metres that
    a foot is raised by at most where it passes low over the floor without standing, 0 for not at all.
    """

    anchor: Annotated[float, Gt(0)] = 0.002
    smooth: Annotated[float, Ge(0)] = 5.0
    plant: bool = True
    probability: Annotated[float, Gt(0), Le(1)] = 0.5
    ease: Annotated[float, Gt(0)] = 1.0
    lift: Annotated[float, Ge(0), Le(0.2)] = 0.04


@dataclass(frozen=True)
class RestoreFeetConfig:
    """`model` is a file of `idance train foot-restorer`, a folder with one, or "starter".

    A second that is damaged with less than probability `least_damage` passes as it is, one of twice that is mended in
    full. `seed` of the sampler's noise; `device` as `--device` says.
    """

    model: str = "starter"
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    planting: PlantingConfig = field(default_factory=PlantingConfig)
    least_damage: Annotated[float, Ge(0), Le(0.5)] = 0.2
    seed: Annotated[int, Ge(0)] = 0
    device: str = "auto"
