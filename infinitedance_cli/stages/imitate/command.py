"""The command `idance imitate`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from infinitedance_cli import options

Engine = Annotated[
    str | None,
    typer.Option(
        "--engine", metavar="NAME", help="Physics engine plug-in; ray is --run-on ray.", show_default="mujoco"
    ),
]
RunOn = Annotated[
    str | None,
    typer.Option("--run-on", metavar="local|ray", help="This machine, or a Ray cluster.", show_default="local"),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", metavar="N", min=1, help="Workers beside each other.", show_default="one a core"),
]
QualityName = Annotated[
    str | None,
    typer.Option(
        "--quality",
        metavar="fast|physical",
        help="fast helps the body at its root as much as it must; physical works longer to help it less.",
        show_default="fast",
    ),
]
KeepFailed = Annotated[
    bool | None,
    typer.Option("--keep-failed", help="Let clips pass in which the body fell, marked.", show_default=False),
]


def command(
    inputs: options.Inputs = None,
    output: options.ClipsOutput = "-",
    quality: QualityName = None,
    engine: Engine = None,
    keep_failed: KeepFailed = None,
    jobs: Jobs = None,
    run_on: RunOn = None,
    address: options.Address = None,
    gpus: options.GpusPerWorker = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Make captured motion physically possible by imitating it in a simulator.

    A body with the clip's own bones dances the clip on a floor, with its weight, friction and its own limbs in the way.
    Help that it gets at the root, falls, contact forces and energy are reported in /physics of each clip. Clips in
    which the body fell are left out, and the command ends with exit code 5 after all others.
    """
    from infinitedance_cli.engine.placement import RAY, placement
    from infinitedance_cli.stages.imitate.config import ImitateConfig

    if engine == RAY:  # the word that the other commands know; physics engines are named by the same option here
        engine, run_on = None, RAY
    settings = {"engine": engine, "quality": quality, "keep_failed": keep_failed or None}
    config = options.resolve_or_print(
        ImitateConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    where = placement(run_on, jobs, address, gpus)
    from infinitedance_cli.engine.clips import check_clips, run_over_clips
    from infinitedance_cli.engine.task import Task

    sources = inputs or ["-"]
    check_clips(sources, output, force=force)
    from infinitedance_cli.stages.imitate.work import HINT, default_jobs

    if not where.on_ray and jobs is None:
        where = replace(where, jobs=default_jobs(config))
    task = Task("infinitedance_cli.stages.imitate.work:open_stage", config)
    run_over_clips(sources, output, task, where, force=force, hint=HINT)
