"""Settings of `idance restore-feet`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from infinitedance_cli.models.foot_restorer_sampling_config import ANCHOR, SamplingConfig


@dataclass(frozen=True)
class PlantingConfig:
    """What makes of the restored columns a motion whose feet stand.

    `anchor`: how firmly the body's path stays where it came in, against steps that were mended; the network tells
    steps, and their sum would wander off. `doubts`: steps count by how sure the network is of them. `smooth`: weight of
    third differences in what is mended; 0.3 halves what happens 6 times a second.

    `plant`: put planted feet to rest by inverse kinematics; a contact begins at `probability`, half of it keeps it, and
    fades from `still` metres a frame on; `ease` frames over which a foot comes to rest. `lift`: metres that a foot is
    raised by at most where it passes low over the floor without standing, 0 for not at all.
    """

    anchor: Annotated[float, Gt(0)] = 2 * ANCHOR
    doubts: bool = True
    smooth: Annotated[float, Ge(0)] = 0.3
    plant: bool = True
    probability: Annotated[float, Gt(0), Le(1)] = 0.5
    still: Annotated[float, Gt(0)] = 0.009
    ease: Annotated[float, Gt(0)] = 1.0
    lift: Annotated[float, Ge(0), Le(0.2)] = 0.04


@dataclass(frozen=True)
class RestoreFeetConfig:
    """`model` is a file of `idance train foot-restorer`, a folder with one, or "starter".

    With `steady` shaking is taken out first, as far as there is any. A second that slides with less than probability
    `least_skating`, or is at a wrong height with less than `least_height`, is not mended of that; half-way from there
    to certainty it is mended in full. `mend`: "found" damage as said; "all" of every clip, whatever is found; "auto"
    all of what `imitate` made, whose feet scuff in a way of their own, and what is found in every other clip. `seed` of
    the sampler's noise; `device` as `--device` says.
    """

    model: str = "starter"
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    planting: PlantingConfig = field(default_factory=PlantingConfig)
    steady: bool = True
    least_skating: Annotated[float, Ge(0), Lt(1)] = 0.95
    least_height: Annotated[float, Ge(0), Lt(1)] = 0.9
    mend: Literal["auto", "found", "all"] = "auto"
    seed: Annotated[int, Ge(0)] = 0
    device: str = "auto"
