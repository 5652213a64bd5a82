"""Dances in, a report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.evaluate.comparison import compare
from infinitedance_cli.stages.evaluate.conditions import Condition
from infinitedance_cli.stages.evaluate.config import EvaluateConfig
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.figures import CLIP_FIGURES, FIGURES, Beats, Measured, measure
from infinitedance_cli.stages.evaluate.intervals import (
    Estimate,
    diversity_estimate,
    frechet_estimate,
    mean_estimate,
)
from infinitedance_cli.stages.evaluate.protocols import PROTOCOLS, Protocol
from infinitedance_cli.stages.evaluate.reference import Reference

BeatSource = Callable[[Dance], Beats | None]


@dataclass(frozen=True)
class Crossing:
    """A condition of `--fail-if` and the names of what crossed it, with their values (None: undefined)."""

    condition: Condition
    crossed_by: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True)
class Report:
    """What was found: `figures` of the set, `distances` between sets by space, one `Measured` for each dance.

    `columns` of features that were compared, by space: as many joints as all sets have.
    """

    protocol: Protocol
    reference: Reference
    retrieved: Reference | None
    config: EvaluateConfig
    figures: Mapping[str, Estimate]
    distances: Mapping[str, Mapping[str, float | None]]
    columns: Mapping[str, int]
    clips: tuple[Measured, ...]
    crossings: tuple[Crossing, ...]


@dataclass
class Evaluation:
    """Measures dances as they pass, and keeps a row of numbers of each; `report` sums up.

    `reference` and `retrieved` are sets to compare with; `beats` tells the beats of each dance's music.
    """

    config: EvaluateConfig
    reference: Reference
    beats: BeatSource
    retrieved: Reference | None = None
    rows: list[Measured] = field(default_factory=list)

    @property
    def protocol(self) -> Protocol:
        """The protocol by which dances are measured."""
        return PROTOCOLS[self.config.protocol]

    def add(self, dance: Dance) -> Measured:
        """Measure one dance."""
        found = measure(dance, self.protocol, self.beats(dance))
        self.rows.append(found)
        return found

    def report(self, conditions: Sequence[Condition] = ()) -> Report:
        """The report over all dances so far. Raises BadInput when there was none."""
        if not self.rows:
            raise BadInput("there are no clips to measure")
        config, rows = self.config, [row.row for row in self.rows if row.row is not None]
        sets = compare(rows, self.reference, self.retrieved, self.protocol.features)
        figures: dict[str, Estimate] = {}
        for name, space in (("k", "kinetic"), ("g", "geometric")):
            mine, real = sets.generated[space], sets.real[space]
            figures[f"fid_{name}"] = frechet_estimate(mine, real, config.bootstrap, config.seed)
            figures[f"div_{name}"] = diversity_estimate(mine, config.bootstrap, config.seed)
        for name in CLIP_FIGURES:
            values = [row.figures[name] for row in self.rows]
            figures[name] = mean_estimate(values, config.bootstrap, config.seed)
        ordered = {name: figures[name] for name in FIGURES}
        return Report(
            protocol=self.protocol,
            reference=self.reference,
            retrieved=self.retrieved,
            config=config,
            figures=ordered,
            distances=sets.distances(),
            columns={space: values.shape[1] for space, values in sets.generated.items()},
            clips=tuple(self.rows),
            crossings=tuple(_crossing(one, self.rows, ordered) for one in conditions),
        )


def shown(value: float | None) -> str:
    """A figure for people."""
    return "undefined" if value is None else f"{value:.4g}"


def _crossing(condition: Condition, rows: Sequence[Measured], figures: Mapping[str, Estimate]) -> Crossing:
    """Who crosses a condition: an undefined figure does, since nothing says that it is good."""
    named = [("all clips", figures[condition.figure].value)]
    if not condition.of_set:
        named = [(row.name, row.figures[condition.figure]) for row in rows]
    crossed = [(name, value) for name, value in named if condition.holds(value) is not False]
    return Crossing(condition, tuple(crossed))
