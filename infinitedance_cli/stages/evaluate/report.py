"""A report as JSON, as a table for people, and as JUnit for build servers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from infinitedance_cli import __version__
from infinitedance_cli.stages.evaluate.figures import CLIP_FIGURES, FIGURES, Measured
from infinitedance_cli.stages.evaluate.intervals import LEVEL
from infinitedance_cli.stages.evaluate.protocols import statement
from infinitedance_cli.stages.evaluate.stage import Crossing, Report

SCHEMA, SCHEMA_VERSION = "idance-evaluate", "1.0"
"""A new minor version adds keys; a new major one changes or removes some."""

_DIGITS = 9
_MANY = 100
"""With fewer dances than this, more than the kinetic features by half, a Fréchet distance says little."""
_TABLE_COLUMNS = ("bas", "fsr", "pfc", "jitter", "penetration", "foot_slide", "float", "frozen")


def as_json(report: Report) -> str:
    """The report as one JSON document; the same dances give the same bytes.

    Numbers have nine digits: more would show the order in which a processor adds. Undefined figures are null.
    """
    document = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "idance_version": __version__,
        "protocol": statement(report.protocol),
        "reference": report.reference.statement(),
        "retrieved": None if report.retrieved is None else report.retrieved.statement(),
        "feature_columns": dict(report.columns),
        "bootstrap": {"resamples": report.config.bootstrap, "seed": report.config.seed, "level": LEVEL},
        "clip_count": len(report.clips),
        "figures": {
            name: {
                "value": _number(estimate.value),
                "low": _number(estimate.low),
                "high": _number(estimate.high),
                "clips": estimate.clips,
                "unit": FIGURES[name].unit,
                "better": FIGURES[name].better,
            }
            for name, estimate in report.figures.items()
        },
        "distances": {
            space: {pair: _number(value) for pair, value in pairs.items()} for space, pairs in report.distances.items()
        },
        "clips": [_row(clip) for clip in report.clips],
        "conditions": [_condition(crossing) for crossing in report.crossings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def _row(clip: Measured) -> dict[str, Any]:
    return {
        "clip": clip.name,
        "frames": clip.frames,
        "fps": _number(clip.fps),
        "joints_from": clip.joints_from,
        "beats_from": clip.beats,
        "figures": {name: _number(clip.figures[name]) for name in CLIP_FIGURES},
    }


def _condition(crossing: Crossing) -> dict[str, Any]:
    crossed = [{"clip": name, "value": _number(value)} for name, value in crossing.crossed_by]
    return {"condition": crossing.condition.text, "crossed": bool(crossed), "crossed_by": crossed}


def _number(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def as_table(report: Report) -> str:
    """The report for people: the protocol, figures of the set with 95 % intervals, distances, one line a clip."""
    lines = (*_heading(report), "", *_figure_lines(report), *_distance_lines(report), "", *_clip_lines(report.clips))
    return "\n".join(lines)


def _heading(report: Report) -> Iterator[str]:
    rule, reference = report.protocol.rule, report.reference
    crop = "all frames" if rule.frames is None else f"first {rule.frames} frames"
    yield f"protocol   {report.protocol.name}: features at {rule.fps:g} fps, {crop}"
    yield f"reference  {reference.name}, {reference.dances} dances, sha256 {reference.sha256[:12]}"
    few = f"; fid of fewer than {_MANY} says little" if len(report.clips) < _MANY else ""
    yield f"measured   {len(report.clips)} clip{'' if len(report.clips) == 1 else 's'}{few}"


def _figure_lines(report: Report) -> Iterator[str]:
    arrows = {"higher": "↑", "lower": "↓", "neither": " "}
    yield f"{'figure':<18} {'value':>9} {'95 % interval':>20}   {'unit':<8} {'clips':>5}"
    for name, estimate in report.figures.items():
        value, low, high = (_of(name, one) for one in (estimate.value, estimate.low, estimate.high))
        between = "" if estimate.low is None else f"{low} … {high}"
        unit = {"1": "", "share": "%"}.get(FIGURES[name].unit, FIGURES[name].unit)
        yield f"{name:<18} {value:>9} {between:>20} {arrows[FIGURES[name].better]} {unit:<8} {estimate.clips:>5}"


def _distance_lines(report: Report) -> Iterator[str]:
    known = {space: pairs for space, pairs in report.distances.items() if any(v is not None for v in pairs.values())}
    if not known:
        return
    yield ""
    yield f"{'mean distance':<22}" + "".join(f"{space:>11}" for space in known)
    for pair in next(iter(known.values())):
        if any(pairs[pair] is not None for pairs in known.values()):
            label = pair.replace("_", " – ")
            yield f"{label:<22}" + "".join(f"{_short(pairs[pair]):>11}" for pairs in known.values())


def _clip_lines(clips: Sequence[Measured]) -> Iterator[str]:
    width = max(len("clip"), *(len(clip.name) for clip in clips))
    names = [f"{name} %" if FIGURES[name].unit == "share" else name for name in _TABLE_COLUMNS]
    yield f"{'clip':<{width}} {'seconds':>8}" + "".join(f"{name:>{max(9, len(name) + 2)}}" for name in names)
    for clip in clips:
        shown = zip(names, _TABLE_COLUMNS, strict=True)
        values = "".join(f"{_of(name, clip.figures[name]):>{max(9, len(head) + 2)}}" for head, name in shown)
        yield f"{clip.name:<{width}} {clip.frames / clip.fps:>8.1f}{values}"


def _of(name: str, value: float | None) -> str:
    """A figure for people: shares in percent."""
    return _short(100 * value if value is not None and FIGURES[name].unit == "share" else value)


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def as_junit(report: Report) -> bytes:
    """The report as JUnit XML: one case for each condition and clip (or, without conditions, one for each clip)."""
    failures = sum(len(crossing.crossed_by) for crossing in report.crossings)
    cases = list(_cases(report))
    suite = ElementTree.Element(
        "testsuite",
        name=f"idance evaluate ({report.protocol.name})",
        tests=str(len(cases)),
        failures=str(failures),
        errors="0",
    )
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _cases(report: Report) -> Iterator[ElementTree.Element]:
    if not report.crossings:
        for clip in report.clips:
            yield ElementTree.Element("testcase", classname="idance.evaluate", name=clip.name)
    for crossing in report.crossings:
        condition = crossing.condition
        crossed = list(crossing.crossed_by)
        figures = report.figures[condition.figure].value
        named = [("all clips", figures)]
        if not condition.of_set:
            named = [(clip.name, clip.figures[condition.figure]) for clip in report.clips]
        for name, value in named:
            case = ElementTree.Element("testcase", classname=f"idance.evaluate.{condition.figure}", name=name)
            if (name, value) in crossed:
                message = f"{condition.figure} is {_short(value) if value is not None else 'undefined'}"
                failure = ElementTree.SubElement(case, "failure", message=message, type=condition.text)
                failure.text = f"{name}: {message}; --fail-if {condition.text}"
            yield case
