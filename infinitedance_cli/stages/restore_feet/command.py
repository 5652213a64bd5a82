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
    output: options.Output = "-",
    model: Model = None,
    steps: Steps = None,
    lift: Lift = None,
    seed: options.Seed = None,
    device: options.Device = None,
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
    from infinitedance_cli.stream.ports import check_inputs, check_output, read_clips, write_clips

    settings = {"model": model, "sampling.steps": steps, "planting.lift": lift, "seed": seed, "device": device}
    config = options.resolve_or_print(
        RestoreFeetConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    sources = inputs or ["-"]
    check_inputs(sources)
    check_output(output, force=force)
    path = weights_path(config.model)
    from infinitedance_cli.models.checkpoint import load_model
    from infinitedance_cli.models.device import pick_device
    from infinitedance_cli.models.foot_restorer import FootRestorer
    from infinitedance_cli.stages.restore_feet.stage import restore_feet

    network = load_model(path, FootRestorer, pick_device(config.device))
    write_clips(restore_feet(read_clips(sources), network, config), output, force=force)
