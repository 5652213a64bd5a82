"""Settings of `idance evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

ProtocolName = Literal["idance", "infinitedance", "bailando", "aist", "edge", "lodge"]


@dataclass(frozen=True)
class EvaluateConfig:
    """How dances are measured.

    `protocol` names the rules; `reference` is "starter", a file of statistics, or dances (a folder or a file);
    `music` is a song, beats, or a folder of these ("": the beats that clips carry); `retrieved` are dances to compare
    with, in the same forms as `reference`. `rest_joints` are the joints of a body (.npy) for files of rotations;
    `fps` is the rate of other programs' files where it is not their usual one. `fail_if` and `filter` are conditions.
    Intervals come from `bootstrap` resamples (0: none) drawn by `seed`.
    """

    protocol: ProtocolName = "idance"
    reference: str = "starter"
    music: str = ""
    retrieved: str = ""
    rest_joints: str = ""
    fps: Annotated[float, Gt(0), Le(1000)] | None = None
    fail_if: tuple[str, ...] = ()
    filter: tuple[str, ...] = ()
    bootstrap: Annotated[int, Ge(0), Le(100_000)] = 1000
    seed: Annotated[int, Ge(0)] = 0
