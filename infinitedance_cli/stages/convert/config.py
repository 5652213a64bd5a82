"""Settings of `idance convert`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt, Le


@dataclass(frozen=True)
class ConvertConfig:
    """What to change on the way; None leaves a thing as it is.

    `retarget` puts bodies with bones of their own on the bundled one; `fps` frames a second; `joints` 22 (body) or 55
    (with face and hands); `clip_id` the clip's new name, numbered when there are several.
    """

    retarget: bool = False
    fps: Annotated[float, Gt(0), Le(1000)] | None = None
    joints: Literal[22, 55] | None = None
    clip_id: str | None = None
