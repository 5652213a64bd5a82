"""Dances measured beside each other."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from infinitedance_cli.engine.failures import Failures
from infinitedance_cli.engine.inputs import Input, MotionFile, find_clips
from infinitedance_cli.engine.task import Answer, EncodedClip, Result, Work, one_by_one
from infinitedance_cli.formats._peers import read_rest_joints
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.evaluate.conditions import Condition, parse_filter
from infinitedance_cli.stages.evaluate.config import EvaluateConfig
from infinitedance_cli.stages.evaluate.dances import Dance, FloatArray, as_dance, expanded, read_peer
from infinitedance_cli.stages.evaluate.figures import Measured, measure
from infinitedance_cli.stages.evaluate.music import beat_source
from infinitedance_cli.stages.evaluate.protocols import PROTOCOLS
from infinitedance_cli.stages.evaluate.stage import BeatSource, Evaluation, shown

logger = logging.getLogger(__name__)

Judged = tuple[Measured, list[MotionClip]]
"""A dance's figures, and the clips to pass on: none where a condition does not hold."""


def find_dances(sources: Sequence[str]) -> Iterator[Input]:
    """References to dances; raises as `infinitedance_cli.stages.evaluate.dances.read_dances`."""
    return find_clips(expanded(sources))


def rest_joints(config: EvaluateConfig) -> FloatArray | None:
    """The rest joints that the settings name. Raises BadInput when they cannot be read."""
    return read_rest_joints(Path(config.rest_joints)) if config.rest_joints else None


def open_stage(config: EvaluateConfig) -> Work:
    """Measuring, with the filter of the settings. Raises BadInput and UsageError on what they name."""
    rest, beats, conditions = rest_joints(config), beat_source(config.music), parse_filter(config.filter)

    def load(source: Input) -> Sequence[Dance]:
        peer = read_peer(source.where, rest, config.fps) if isinstance(source, MotionFile) else None
        return [peer] if peer is not None else [as_dance(clip) for clip in source.load()]

    def stage(dances: Iterable[Dance]) -> Iterator[Judged]:
        return (judge(dance, config, beats, conditions) for dance in dances)

    return Work(one_by_one(stage), load=load)


def judge(dance: Dance, config: EvaluateConfig, beats: BeatSource, conditions: Sequence[Condition]) -> Judged:
    """Measure a dance; its clips pass where all conditions hold. An undefined figure does not pass."""
    protocol = PROTOCOLS[config.protocol]
    found = measure(dance, protocol, beats(dance))
    failing = [one for one in conditions if not one.holds(found.figures[one.figure])]
    if failing:
        value = found.figures[failing[0].figure]
        logger.info("%s: left out, %s is %s", found.name, failing[0].figure, shown(value))
    if failing or not conditions:
        return found, []
    settings = {"protocol": protocol.name, "filter": [one.text for one in conditions]}
    return found, [clip.with_provenance("evaluate", config=settings) for clip in dance.as_clips()]


def gather(answered: Iterable[tuple[Input, Answer]], evaluation: Evaluation, failures: Failures) -> Iterator[Answer]:
    """Adds the figures to the evaluation; gives back answers that hold nothing but the clips that passed."""
    passed = 0
    for source, answer in answered:
        results = []
        for result in answer.results:
            clips: list[EncodedClip] = []
            for measured, passing in result.values:
                evaluation.rows.append(measured)
                clips += passing
            passed += bool(clips)
            results.append(Result(clips, result.error))
        failures.count(source, answer)
        yield replace(answer, results=results)
    if evaluation.config.filter:
        logger.info("%d of %d clips passed", passed, len(evaluation.rows))
