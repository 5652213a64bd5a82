"""Settings of the foot restorer's sampler. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

ANCHOR = 0.002
"""How firmly the body's path stays where it came in, against steps that were mended: the weight of squared shifts over
that of squared changes of shift. Training goes by it; at use, where steps are a little wrong, twice as much is better.
"""


@dataclass(frozen=True)
class SamplingConfig:
    """`steps` of the sampler; `overlap` frames that neighbouring windows share.

    While more than `late` of the noise schedule is left, x0 is drawn towards the observed columns by `geometric` times
    the share that is left; after that planted feet are brought to rest by `contact` times their probability. With
    `observe` False the network may not look at the observed root and legs, as in the paper.
    """

    steps: Annotated[int, Ge(1), Le(1000)] = 2
    overlap: Annotated[int, Ge(1)] = 30
    geometric: Annotated[float, Ge(0), Le(1)] = 0.0
    contact: Annotated[float, Ge(0), Le(1)] = 1.0
    late: Annotated[float, Ge(0), Le(1)] = 0.6
    observe: bool = True
