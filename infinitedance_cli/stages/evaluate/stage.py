"""Dances in, a report out; or dances in, and only the good ones on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
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
from infinitedance_cli.stages.evaluate.metrics.distribution import normalize_features
from infinitedance_cli.stages.evaluate.metrics.spaces import SPACES, set_distances
from infinitedance_cli.stages.evaluate.protocols import PROTOCOLS, Protocol
from infinitedance_cli.stages.evaluate.reference import Reference

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.floating]
BeatSource = Callable[[Dance], Beats | None]
Spaces = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Crossing:
    """A condition of `--fail-if` and the names of what crossed it, with their values (None: undefined)."""

    condition: Condition
    crossed_by: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True)
class Report:
    """What was found: `figures` of the set, `distances` between sets by space, one `Measured` for each dance."""

    protocol: Protocol
    reference: Reference
    retrieved: Reference | None
    config: EvaluateConfig
    figures: Mapping[str, Estimate]
    distances: Mapping[str, Mapping[str, float | None]]
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

    def passing(self, dances: Iterable[Dance], conditions: Sequence[Condition]) -> Iterator[MotionClip]:
        """Only those dances, as clips, of which all `conditions` hold; an undefined figure does not pass."""
        passed = 0
        for dance in dances:
            found = self.add(dance)
            failing = [one for one in conditions if not one.holds(found.figures[one.figure])]
            if failing:
                value = found.figures[failing[0].figure]
                logger.info("%s: left out, %s is %s", found.name, failing[0].figure, shown(value))
                continue
            passed += 1
            for clip in dance.as_clips():
                settings = {"protocol": self.protocol.name, "filter": [one.text for one in conditions]}
                yield clip.with_provenance("evaluate", config=settings)
        logger.info("%d of %d clips passed", passed, len(self.rows))

    def report(self, conditions: Sequence[Condition] = ()) -> Report:
        """The report over all dances so far. Raises BadInput when there was none."""
        if not self.rows:
            raise BadInput("there are no clips to measure")
        reference, rule = self.reference, self.protocol.features
        others = () if self.retrieved is None else (self.retrieved.features(rule),)
        own = _spaces([row for row in self.rows if row.row is not None], reference.features(rule), others)
        config = self.config
        figures: dict[str, Estimate] = {}
        for name, space in (("k", "kinetic"), ("g", "geometric")):
            mine = own[space]
            theirs = _normalised(reference.features(rule), space, mine.shape[1])
            figures[f"fid_{name}"] = frechet_estimate(mine, theirs, config.bootstrap, config.seed)
            figures[f"div_{name}"] = diversity_estimate(mine, config.bootstrap, config.seed)
        for name in CLIP_FIGURES:
            values = [row.figures[name] for row in self.rows]
            figures[name] = mean_estimate(values, config.bootstrap, config.seed)
        ordered = {name: figures[name] for name in FIGURES}
        distances = self._distances(own)
        crossings = tuple(_crossing(one, self.rows, ordered) for one in conditions)
        return Report(self.protocol, reference, self.retrieved, config, ordered, distances, tuple(self.rows), crossings)

    def _distances(self, own: Spaces) -> dict[str, dict[str, float | None]]:
        """Mean distances between generated, real and retrieved dances (paper, Table 8), None where a set is missing."""
        rule = self.protocol.features
        result = {}
        for space in SPACES:
            mine, width = own[space], own[space].shape[1]
            base = self.reference.features(rule)
            real = _normalised(base, space, width) if space in base else None
            others = None
            if self.retrieved is not None and space in self.retrieved.features(rule):
                others = _normalised(base, space, width, self.retrieved.features(rule)[space])
            result[space] = {
                "generated_real": _between(mine, real),
                "generated_retrieved": _between(mine, others),
                "retrieved_retrieved": _within(others),
                "generated_generated": _within(mine),
                "real_real": _within(real),
            }
        return result


def shown(value: float | None) -> str:
    """A figure for people."""
    return "undefined" if value is None else f"{value:.4g}"


def _spaces(rows: Sequence[Measured], base: Spaces, others: Sequence[Spaces]) -> Spaces:
    """Features (N, D) of the dances by space, normalised by the reference where it has the space and it is no joints'.

    Kinetic features are cut to the joints that all dances, the reference and the `others` have.
    """
    result = {}
    for space in SPACES:
        vectors = [getattr(row.row, space) for row in rows]
        widths = [len(vector) for vector in vectors]
        widths += [known[space].shape[1] for known in (base, *others) if space in known]
        width = min(widths, default=0)
        values = np.array([vector[:width] for vector in vectors], dtype=np.float64).reshape(len(rows), width)
        result[space] = _normalised(base, space, width, values)
    return result


def _normalised(base: Spaces, space: str, width: int, values: FloatArray | None = None) -> FloatArray:
    """`values` (the reference's own rows by default) normalised by the reference; joints stay metres."""
    reference = base[space][:, :width].astype(np.float64) if space in base else np.zeros((0, width))
    chosen = reference if values is None else values[:, :width].astype(np.float64)
    return chosen if space == "joint" else normalize_features(chosen, reference)


def _between(first: FloatArray, second: FloatArray | None) -> float | None:
    return None if second is None or not len(first) or not len(second) else set_distances(first, second)


def _within(features: FloatArray | None) -> float | None:
    return None if features is None or len(features) < 2 else set_distances(features)


def _crossing(condition: Condition, rows: Sequence[Measured], figures: Mapping[str, Estimate]) -> Crossing:
    """Who crosses a condition: an undefined figure does, since nothing says that it is good."""
    named = [("all clips", figures[condition.figure].value)]
    if not condition.of_set:
        named = [(row.name, row.figures[condition.figure]) for row in rows]
    crossed = [(name, value) for name, value in named if condition.holds(value) is not False]
    return Crossing(condition, tuple(crossed))
