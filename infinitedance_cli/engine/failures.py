"""What failed among many inputs: named as it happens, counted, raised after all others."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

from infinitedance_cli.engine.inputs import Input
from infinitedance_cli.engine.task import Answer
from infinitedance_cli.errors import IdanceError, StageFailed

logger = logging.getLogger(__name__)

_NAMED = 5


@dataclass
class Failures:
    """Counts `inputs`, and what failed of them: by group (a damaged shard, or the input itself) the first."""

    inputs: int = 0
    errors: dict[str, IdanceError] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _untold: list[IdanceError] = field(default_factory=list)

    def count(self, source: Input, answer: Answer) -> None:
        """One more input, and what is wrong with it. A failure is told at once, unless all failed so far: then the end
        may say all that there is to say."""
        self.inputs += 1
        error = answer.error
        if error is not None:
            group = source.group if answer.unread else source.where
            self.counts[group] += 1
            if group not in self.errors:
                self.errors[group] = error
                self._untold.append(error)
        if self.counts.total() < self.inputs or len(self._untold) > _NAMED:
            for untold in self._untold:
                logger.error("%s", untold)
            self._untold.clear()

    def raise_if_any(self, what: str, hint: str = "") -> None:
        """Raises StageFailed that names the first and counts all; where all failed in the same way, an error of their
        kind. `hint` says what to do about a StageFailed."""
        if not self.errors:
            return
        errors = list(self.errors.values())
        helped = f"; {hint}" if hint and any(isinstance(error, StageFailed) for error in errors) else ""
        failed = self.counts.total()
        kinds = {type(error) for error in errors}
        if failed == self.inputs and len(kinds) == 1:
            more = f" (and {failed - 1} more {what} failed)" if failed > 1 else ""
            raise kinds.pop()(f"{errors[0]}{more}{helped}") from errors[0]
        named = [self._line(group) for group in list(self.errors)[:_NAMED]]
        more = f"; and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
        raise StageFailed(
            f"{failed} of {self.inputs} {what} failed and were left out: {'; '.join(named)}{more}{helped}"
        )

    def _line(self, group: str) -> str:
        more = self.counts[group] - 1
        return f"{self.errors[group]}{f' (and {more} more of {group})' if more else ''}"
