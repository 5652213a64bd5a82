"""The command `idance evaluate`."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infinitedance_cli import options
from infinitedance_cli.errors import ThresholdCrossed, UsageError

if TYPE_CHECKING:
    from infinitedance_cli.engine.failures import Failures
    from infinitedance_cli.engine.placement import Placement
    from infinitedance_cli.stages.evaluate.config import EvaluateConfig
    from infinitedance_cli.stages.evaluate.stage import Report

logger = logging.getLogger(__name__)

Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        "-p",
        metavar="NAME",
        help="idance, infinitedance, bailando (aist), edge or lodge.",
        show_default="idance",
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(
        "--reference",
        "-r",
        metavar="SET",
        help="Real dances: starter, statistics, a motion file or a folder.",
        show_default="starter",
    ),
]
Music = Annotated[
    str | None,
    typer.Option(
        "--music",
        metavar="PATH",
        help="Song or beats of the dances, or a folder of these by name.",
        show_default="the clip's own",
    ),
]
Dances = Annotated[
    list[str] | None,
    typer.Argument(metavar="IN", help="Motion files of any method, folders, or - for clips.", show_default="-"),
]


def command(
    inputs: Dances = None,
    protocol: Protocol = None,
    reference: Reference = None,
    music: Music = None,
    retrieved: Annotated[
        str | None, typer.Option("--retrieved", metavar="SET", help="Retrieved dances, for distances to them.")
    ] = None,
    rest_joints: Annotated[
        str | None,
        typer.Option("--rest-joints", metavar="FILE", help="Rest joints (.npy) of your body, for files of rotations."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option("--fps", metavar="N", help="Frame rate of other programs' files.", show_default="their usual one"),
    ] = None,
    as_json: options.Json = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report for build servers.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="CONDITION", help="Exit 6 if it holds, as 'fsr>0.06'; may be repeated."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="CONDITION", help="Pass on the clips for which it holds, as 'jitter<20'."),
    ] = None,
    make_stats: Annotated[
        Path | None,
        typer.Option("--make-stats", metavar="FILE", help="Write statistics (.npz) for --reference and stop."),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="OUT", help="With --filter: file or FOLDER/ for the clips, or - for stdout."
        ),
    ] = "-",
    jobs: options.Jobs = None,
    run_on: options.RunOn = None,
    address: options.Address = None,
    gpus: options.GpusPerWorker = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Measure motion: sliding, jitter, beats, diversity, distance to real dances.

    Reads clips and what other methods write: EDGE .pkl, LODGE and FineDance .npy, Bailando .npy, joints and features
    of the InfiniteDance release, AIST++ .pkl. Examples: idance evaluate dances/ --music songs/ --protocol lodge;
    idance generate song.mp3 | idance evaluate --json --fail-if "fsr>0.06"
    """
    from infinitedance_cli.stages.evaluate.config import EvaluateConfig

    settings = {
        "protocol": protocol,
        "reference": reference,
        "music": music,
        "retrieved": retrieved,
        "rest_joints": rest_joints,
        "fps": fps,
        "fail_if": fail_if or None,
        "filter": keep or None,
    }
    config = options.resolve_or_print(
        EvaluateConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    from infinitedance_cli.engine.placement import placement

    where = placement(run_on, jobs, address, gpus)
    sources = inputs or ["-"]
    if make_stats is not None:
        _make_statistics(sources, config, make_stats, force)
        return
    _check(config, output=output, as_json=as_json, junit=junit, force=force)
    piped = bool(config.filter) and output == "-"
    from infinitedance_cli.engine.failures import Failures

    failures = Failures()
    wanted = not piped or junit is not None or bool(config.fail_if)
    report = _evaluate(sources, config, where, output, failures, force=force, wanted=wanted)
    if report is not None:
        _write(report, as_json=as_json, junit=junit, to_stdout=not piped)
    failures.raise_if_any("dances")
    if report is not None:
        _fail(report)


def _check(config: EvaluateConfig, *, output: str, as_json: bool, junit: Path | None, force: bool) -> None:
    """Fail on what cannot be done before anything is read."""
    from infinitedance_cli.engine.outputs import check_clip_output
    from infinitedance_cli.stream.files import check_new_file

    if not config.filter and output != "-":
        raise UsageError("--output takes the clips that pass --filter; give --filter, or redirect the report with >")
    if config.filter:
        check_clip_output(output, force=force)
        if as_json and output == "-":
            raise UsageError("--json and the clips of --filter both go to standard output; give the clips -o FILE")
    if junit is not None:
        check_new_file(junit, force=force)


def _evaluate(
    sources: list[str],
    config: EvaluateConfig,
    where: Placement,
    output: str,
    failures: Failures,
    *,
    force: bool,
    wanted: bool,
) -> Report | None:
    """Measure all, pass on what `--filter` lets through, and sum up where a report is `wanted`."""
    from infinitedance_cli.stages.evaluate.conditions import parse_condition, parse_filter

    failing = [parse_condition(text) for text in config.fail_if]
    parse_filter(config.filter)
    from infinitedance_cli.engine.clips import write_answers
    from infinitedance_cli.engine.run import answers
    from infinitedance_cli.engine.task import Task
    from infinitedance_cli.log import progress
    from infinitedance_cli.stages.evaluate import work
    from infinitedance_cli.stages.evaluate.music import beat_source
    from infinitedance_cli.stages.evaluate.protocols import PROTOCOLS
    from infinitedance_cli.stages.evaluate.reference import load_reference
    from infinitedance_cli.stages.evaluate.stage import Evaluation

    dances, rest = work.find_dances(sources), work.rest_joints(config)
    rule = PROTOCOLS[config.protocol].features
    beats = beat_source(config.music)
    reference = load_reference(config.reference, rule, rest, config.fps)
    reference.features(rule)
    retrieved = load_reference(config.retrieved, rule, rest, config.fps) if config.retrieved else None
    evaluation = Evaluation(config, reference, beats, retrieved)
    task = Task("infinitedance_cli.stages.evaluate.work:open_stage", config)
    with closing(answers(dances, task, where, keyed=bool(config.filter))) as answered:
        passed = work.gather(progress(answered, "evaluate"), evaluation, failures)
        if config.filter:
            write_answers(passed, output, task, failures, "dances", force=force)
        else:
            deque(passed, maxlen=0)
    if not evaluation.rows:
        failures.raise_if_any("dances")
    return evaluation.report(failing) if wanted else None


def _make_statistics(sources: list[str], config: EvaluateConfig, path: Path, force: bool) -> None:
    from infinitedance_cli.stages.evaluate.dances import read_dances
    from infinitedance_cli.stages.evaluate.metrics.spaces import RULES
    from infinitedance_cli.stages.evaluate.reference import LEAST_REFERENCE_FRAMES, collect, save_statistics
    from infinitedance_cli.stages.evaluate.work import rest_joints
    from infinitedance_cli.stream.files import NewFile, check_new_file, clear_failure

    check_new_file(path, force=force)
    if path.suffix.lower() != ".npz":
        raise UsageError(f"{path}: statistics are an .npz; name the file so")
    dances = read_dances(sources, rest_joints=rest_joints(config), fps=config.fps)
    reference = collect(dances, path.name.split(".")[0], RULES, LEAST_REFERENCE_FRAMES)
    with NewFile(path) as new, clear_failure(path):
        save_statistics(reference, new.file)
        new.finish(path)
    logger.info("wrote %s: %d dances, sha256 %s", path, reference.dances, reference.sha256)


def _write(report: Report, *, as_json: bool, junit: Path | None, to_stdout: bool) -> None:
    from infinitedance_cli.stages.evaluate import report as form
    from infinitedance_cli.stream.files import NewFile, clear_failure

    if junit is not None:
        with NewFile(junit) as new, clear_failure(junit):
            new.file.write(form.as_junit(report))
            new.finish(junit)
    if to_stdout:
        typer.echo(form.as_json(report) if as_json else form.as_table(report))


def _fail(report: Report) -> None:
    """Raise ThresholdCrossed naming the first offender of the first condition that was crossed."""
    from infinitedance_cli.stages.evaluate.stage import shown

    crossed = [crossing for crossing in report.crossings if crossing.crossed_by]
    if not crossed:
        return
    first = crossed[0]
    name, value = first.crossed_by[0]
    total = sum(len(crossing.crossed_by) for crossing in crossed)
    more = f" (and {total - 1} more)" if total > 1 else ""
    raise ThresholdCrossed(
        f"{name}: {first.condition.figure} is {shown(value)}; --fail-if {first.condition.text}{more}"
    )
