"""The command `idance restore-feet`."""

from __future__ import annotations

from typing import Annotated

import typer

from infinitedance_cli import options

Model = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="FILE", help="Trained foot restorer, or its folder.", show_default="starter"),
]
Steps = Annotated[
    int | None, typer.Option("--steps", metavar="N", min=1, help="Steps of the sampler.", show_default="2")
]
Lift = Annotated[
    float | None,
    typer.Option(
        "--lift",
        metavar="METRES",
        min=0,
        max=0.2,
        help="Raise feet that pass low over the floor by up to this; 0 for not at all.",
        show_default="0.04",
    ),
]


def command(
    inputs: options.Inputs = None,
    output: options.ClipsOutput = "-",
    model: Model = None,
    steps: Steps = None,
    lift: Lift = None,
    seed: options.Seed = None,
    device: options.Device = None,
    jobs: options.Jobs = None,
    run_on: options.RunOn = None,
    address: options.Address = None,
    gpus: options.GpusPerWorker = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Plant sliding, shaking, floating and sinking feet by the foot restoration diffusion model.

    Moves the body as a whole and turns hips, knees and ankles; everything else stays as it is, bit by bit. Only faults
    that are found are mended; what imitate made is mended throughout, as is every clip with --set mend=all. Motion at
    another frame rate comes out at 30 fps.
    """
    from infinitedance_cli.stages.restore_feet.config import RestoreFeetConfig
    from infinitedance_cli.stages.restore_feet.weights import weights_path

    settings = {"model": model, "sampling.steps": steps, "planting.lift": lift, "seed": seed, "device": device}
    config = options.resolve_or_print(
        RestoreFeetConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    from infinitedance_cli.engine.clips import check_clips, run_over_clips
    from infinitedance_cli.engine.placement import placement
    from infinitedance_cli.engine.task import Task

    where = placement(run_on, jobs, address, gpus)
    sources = inputs or ["-"]
    check_clips(sources, output, force=force)
    if not where.on_ray:  # the model may be on the cluster only
        weights_path(config.model)
    task = Task("infinitedance_cli.stages.restore_feet.work:open_stage", config)
    run_over_clips(sources, output, task, where, force=force)
