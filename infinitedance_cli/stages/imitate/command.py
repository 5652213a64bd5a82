"""The command `idance imitate`."""

from __future__ import annotations

from itertools import chain
from typing import Annotated

import typer

from infinitedance_cli import options

Engine = Annotated[
    str | None, typer.Option("--engine", metavar="NAME", help="Physics engine plug-in.", show_default="mujoco")
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
    output: options.Output = "-",
    quality: QualityName = None,
    engine: Engine = None,
    keep_failed: KeepFailed = None,
    jobs: options.Jobs = None,
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
    from infinitedance_cli.stages.imitate.config import ImitateConfig

    settings = {"engine": engine, "quality": quality, "keep_failed": keep_failed or None, "jobs": jobs}
    config = options.resolve_or_print(
        ImitateConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    from infinitedance_cli.stream.ports import check_inputs, check_output, read_clips, write_clips

    sources = inputs or ["-"]
    check_inputs(sources)
    check_output(output, force=force)
    from infinitedance_cli.stages.imitate.parallel import imitate_many
    from infinitedance_cli.stages.imitate.stage import Failures

    failures = Failures()
    results = imitate_many(read_clips(sources), config, failures)
    first = next(results, None)
    if first is None:
        failures.raise_if_any()  # nothing is left to write
    write_clips(chain(() if first is None else (first,), results), output, force=force)
    if not config.keep_failed:
        failures.raise_if_any()
