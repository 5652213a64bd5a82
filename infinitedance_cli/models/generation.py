"""A dance of any length from the choreographer: windows that continue from what is kept, a step at a time.

Every window is what training has seen: a condition computed over the window itself, and a context that begins with it.
The next window begins `kept` steps before the end of the last one; those steps are fed, not drawn again, so there is no
seam, and memory does not grow with the length of the dance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from infinitedance_cli.models.checks import require
from infinitedance_cli.models.choreographer import NO_CODE, Choreographer, GenerationState
from infinitedance_cli.models.sampling import Sampler

ConditionAt = Callable[[int, int], Tensor]
"""(first step, number of steps) → condition (rows, steps, hidden); rows as `generate_codes` says."""


Until = Callable[[int], int]
"""How many steps a dance has, as far as is asked: (steps) → the smaller of both. A song that is still being heard is
listened to until this is known."""


@dataclass(frozen=True)
class Selection:
    """Rows of a draw that are candidates for one dance: every `span` steps the one that `pick` names goes on alone.

    pick: (codes (rows, n, Q), span drawn, last step + 1) → row. Its codes are the drawn steps after up to `context`
        steps that are settled and the same in all rows.
    """

    pick: Callable[[Tensor, int, int], int]
    span: int
    context: int


@dataclass(frozen=True)
class Span:
    """Steps `first` to `stop` of a dance, one window; `last` is the one that ends with the dance."""

    first: int
    stop: int
    last: bool


def window_spans(until: Until, window: int, kept: int) -> Iterator[Span]:
    """The windows of a dance, each asked about one step beyond its end; the last window ends with the dance."""
    first = 0
    while (known := until(first + window + 1)) > first + window:
        yield Span(first, first + window, last=False)
        first += window - kept
    yield Span(max(0, known - window), known, last=True)


def window_starts(total: int, window: int, kept: int) -> list[int]:
    """First steps of the windows of a dance of `total` steps; the last window ends with the dance."""
    return [span.first for span in window_spans(lambda steps: min(steps, total), window, kept)]


def generate_codes(
    model: Choreographer,
    condition_at: ConditionAt,
    total: int | Until,
    sampler: Sampler,
    *,
    takes: int = 1,
    guidance: float = 1.0,
    kept: int | None = None,
    selection: Selection | None = None,
) -> Iterator[Tensor]:
    """Draw a dance of `total` steps, yielding the codes (takes, Q) of each step, or (1, Q) with a selection.

    Codes are yielded before the next window's condition is asked for, so that a dance can follow a song as it comes in.

    Args:
        model: in evaluation.
        condition_at: gives the condition of a window. Its rows are the takes; with guidance other than 1, the takes
            with their conditions followed by the takes without. A single row of either stands for all takes.
        total: steps of the dance; or, where its end is not known yet, `Until`.
        sampler: with one seed per take.
        takes: dances drawn together.
        guidance: how far logits are moved from the unconditional towards and beyond the conditional ones.
        kept: steps that two windows share; half a window by default.
        selection: makes the takes candidates for one dance.
    """
    window = model.config.steps
    kept = window // 2 if kept is None else kept
    require(0 < kept < window, f"kept is {kept}; expected 1 to {window - 1}, below the window")
    until = total if callable(total) else lambda steps: min(steps, total)
    dance = _Dance(model, sampler, takes, guidance)
    done = 0
    for span in window_spans(until, window, kept):
        dance.begin(condition_at(span.first, span.stop - span.first), done - span.first)
        for step in range(done, span.stop):
            codes = dance.step()
            if selection is None:
                yield codes
            elif len(dance.open) == selection.span or (span.last and step + 1 == span.stop):
                yield from dance.settle(selection, step + 1)
        done = span.stop


class _Dance:
    """The rows of a draw: their codes so far, as far as they are still needed, and where the model stands.

    `open` holds the codes (takes, Q) of the steps since the last settlement.
    """

    def __init__(self, model: Choreographer, sampler: Sampler, takes: int, guidance: float) -> None:
        self.model, self.sampler, self.takes, self.guidance = model, sampler, takes, guidance
        none = torch.full((takes, model.config.codebooks), NO_CODE, device=model.codebook.device)
        self.recent: list[Tensor] = [none]  # the codes that the next window may start from, oldest first
        self.open: list[Tensor] = []
        self._state: GenerationState | None = None
        self._given: list[Tensor | None] = []

    @property
    def _rows(self) -> int:
        return self.takes if self.guidance == 1.0 else 2 * self.takes

    def begin(self, condition: Tensor, known: int) -> None:
        """Start a window under its condition; the last `known` steps are its first."""
        model = self.model
        condition = condition.repeat_interleave(self._rows // len(condition), 0)
        if model.config.conditioning == "prefix":
            self._state, per_step = model.start(self._rows, condition), None
        else:
            self._state = self._state or model.start(self._rows)
            model.restart(self._state)
            per_step = condition
        if known:
            history = torch.stack(self.recent[-known - 1 : -1], 1)
            model.prime(self._state, history, None if per_step is None else per_step[:, :known])
        steps = range(known, condition.shape[1])
        self._given = [None if per_step is None else per_step[:, step] for step in reversed(steps)]

    def step(self) -> Tensor:
        """Draw the next codes (takes, Q)."""
        assert self._state is not None, "begin a window first"
        hidden = self.model.step(self._state, self.recent[-1], self._given.pop())
        codes = self.model.sample_codes(self._state, hidden, self.sampler, self.guidance)
        self.recent = [*self.recent[-self.model.config.steps :], codes]
        self.open.append(codes)
        return codes

    def settle(self, selection: Selection, stop: int) -> Iterator[Tensor]:
        """Let one row go on in all; gives its open codes (1, Q), step by step. `stop` steps of the dance are drawn."""
        assert self._state is not None, "begin a window first"
        drawn = len(self.open)
        row = selection.pick(torch.stack(self.recent[-min(drawn + selection.context, stop) :], 1), drawn, stop)
        self._state.follow(torch.arange(self._rows) // self.takes * self.takes + row)
        self.sampler.follow(row)
        self.recent = [codes[row : row + 1].expand(self.takes, -1) for codes in self.recent]
        settled, self.open = self.open, []
        for codes in settled:
            yield codes[row : row + 1]
