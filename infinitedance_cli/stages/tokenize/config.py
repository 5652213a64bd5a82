"""Settings of `idance tokenize`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le


@dataclass(frozen=True)
class TokenizeConfig:
    """`tokenizer` is a file of `idance train tokenizer`, a folder with one, or "starter".

    The codes are improved in `refine` passes (0: as the encoder gives them); `window_steps` are encoded or decoded at
    once, so that memory does not grow with the length of a dance; `device` as `--device` says.
    """

    tokenizer: str = "starter"
    refine: Annotated[int, Ge(0), Le(1000)] = 30
    window_steps: Annotated[int, Ge(1)] = 256
    device: str = "auto"
