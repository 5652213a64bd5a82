"""A dance of any length from the choreographer: windows that continue from what is kept, a step at a time.

Every window is what training has seen: a condition computed over the window itself, and a context that begins with it.
The next window begins `kept` steps before the end of the last one; those steps are fed, not drawn again, so there is no
seam, and memory does not grow with the length of the dance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from infinitedance_cli.models.checks import require
from infinitedance_cli.models.choreographer import NO_CODE, Choreographer, GenerationState
from infinitedance_cli.models.sampling import Sampler

ConditionAt = Callable[[int, int], Tensor]
"""(first step, number of steps) → condition (rows, steps, hidden); rows as `generate_codes` says."""


def window_starts(total: int, window: int, kept: int) -> list[int]:
    """First steps of the windows of a dance of `total` steps; the last window ends with the dance."""
    last = max(0, total - window)
    return [*range(0, last, window - kept), last]


def generate_codes(
    model: Choreographer,
    condition_at: ConditionAt,
    total: int,
    sampler: Sampler,
    *,
    takes: int = 1,
    guidance: float = 1.0,
    kept: int | None = None,
) -> Iterator[Tensor]:
    """Draw a dance of `total` steps, yielding the codes (takes, Q) of each step.

    Args:
        model: in evaluation.
        condition_at: gives the condition of a window. Its rows are the takes; with guidance other than 1, the takes
            with their conditions followed by the takes without.
        total: steps of the dance.
        sampler: with one seed per take.
        takes: dances drawn together.
        guidance: how far logits are moved from the unconditional towards and beyond the conditional ones.
        kept: steps that two windows share; half a window by default.
    """
    window = model.config.steps
    kept = window // 2 if kept is None else kept
    require(0 < kept < window, f"kept is {kept}; expected 1 to {window - 1}, below the window")
    rows = takes if guidance == 1.0 else 2 * takes
    none = torch.full((takes, model.config.codebooks), NO_CODE, device=model.codebook.device)
    recent: list[Tensor] = [none]  # the codes that the next window may start from, oldest first
    done = 0
    state = None
    for first in window_starts(total, window, kept):
        stop = min(first + window, total)
        condition = condition_at(first, stop - first)
        is_prefix = model.config.conditioning == "prefix"
        state = _begun(model, state, condition, rows)
        if done > first:
            history = torch.stack(recent[first - done - 1 : -1], 1)
            model.prime(state, history, None if is_prefix else condition[:, : done - first])
        for step in range(done, stop):
            given = None if is_prefix else condition[:, step - first]
            hidden = model.step(state, recent[-1], given)
            codes = model.sample_codes(state, hidden, sampler, guidance)
            recent = [*recent[-window:], codes]
            yield codes
        done = stop


def _begun(model: Choreographer, state: GenerationState | None, condition: Tensor, rows: int) -> GenerationState:
    """A state at the start of a window; the one of the window before is used again where it can be."""
    if model.config.conditioning == "prefix":
        return model.start(rows, condition)
    if state is None:
        return model.start(rows, None)
    model.restart(state)
    return state
