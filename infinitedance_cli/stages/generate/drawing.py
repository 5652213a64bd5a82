"""The codes of a dance, step by step: the choreographer, its conditions, and the choice among candidates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.generation import Until, generate_codes
from infinitedance_cli.models.sampling import Sampler
from infinitedance_cli.stages.generate.brief import Commission
from infinitedance_cli.stages.generate.choosing import selection
from infinitedance_cli.stages.generate.conditions import Conditions


def draw_codes(brief: Commission, conditions: Conditions, take: int, total: int | Until) -> Iterator[NDArray[np.int16]]:
    """Codes (Q,) of every step of one take; `total` as in `models.generation.generate_codes`."""
    config, candidates = brief.config, brief.config.choice.candidates
    drawn = generate_codes(
        brief.bundle.choreographer,
        conditions.of_take(take),
        total,
        Sampler(config.sampling, brief.candidate_seeds(take, candidates), brief.bundle.code_turns),
        takes=candidates,
        guidance=config.guidance,
        kept=config.kept,
        selection=selection(brief) if candidates > 1 else None,
    )
    for row in drawn:
        yield row[0].cpu().numpy().astype(np.int16)
