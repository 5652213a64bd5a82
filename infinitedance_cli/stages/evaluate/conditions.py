"""Conditions on figures, as users write them: `fsr>0.06`, `jitter<20`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from infinitedance_cli.errors import UsageError
from infinitedance_cli.stages.evaluate.figures import FIGURES

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FORM = re.compile(r"\s*([A-Za-z_]+)\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%?)\s*")


@dataclass(frozen=True)
class Condition:
    """`figure` compared (`<`, `<=`, `>`, `>=`) with `limit`; `text` as the user wrote it."""

    text: str
    figure: str
    comparison: str
    limit: float

    @property
    def of_set(self) -> bool:
        """True for figures that only a whole set has."""
        return FIGURES[self.figure].of == "set"

    def holds(self, value: float | None) -> bool | None:
        """Whether it holds; None where the figure is undefined."""
        return None if value is None else _COMPARE[self.comparison](value, self.limit)


def parse_condition(text: str) -> Condition:
    """One condition; `6%` is 0.06. Raises UsageError when it cannot be read or the figure is unknown."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(f"condition {text!r}: expected a figure, one of < <= > >=, and a number, such as 'fsr>0.06'")
    name, comparison, number, percent = found.groups()
    figure = name.lower()
    if figure not in FIGURES:
        near = get_close_matches(figure, FIGURES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"condition {text!r}: unknown figure {name!r}{hint} Known: {', '.join(FIGURES)}")
    return Condition(text.strip(), figure, comparison, float(number) / (100 if percent else 1))


def parse_filter(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Conditions that a clip must meet to pass. Raises UsageError as `parse_condition`, and on figures of sets."""
    conditions = tuple(parse_condition(text) for text in texts)
    for condition in conditions:
        if condition.of_set:
            raise UsageError(f"--filter {condition.text}: {condition.figure} is a figure of a whole set, not of a clip")
    return conditions
