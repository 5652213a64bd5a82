"""The command `idance convert`."""

from __future__ import annotations

from typing import Annotated

import typer

from infinitedance_cli import options


def command(
    inputs: options.Inputs = None,
    output: options.Output = "-",
    retarget: Annotated[
        bool, typer.Option("--retarget", help="Put bodies with bones of their own, as capture measures them, on ours.")
    ] = False,
    fps: Annotated[
        float | None, typer.Option("--fps", metavar="N", help="Frames a second; default: as the input.")
    ] = None,
    joints: Annotated[
        int | None, typer.Option("--joints", metavar="22|55", help="Body only, or with face and hands.")
    ] = None,
    clip_id: Annotated[str | None, typer.Option("--clip-id", metavar="NAME", help="A new name for the clip.")] = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Read and write motion in any known format; the endings of the file names pick the formats.

    Reads and writes .h5, .npz (SMPL-X, for Blender, GMR and others), .bvh, .glb, .npy (joint positions) and .264.npy
    (features); reads also AMASS, SMPL-X and G1 .npz, AIST++ .pkl, .gltf. Several clips become one .h5, or numbered
    files of any other format. - is the clip stream of a pipe; in scripts with pipes, set -o pipefail.
    """
    from infinitedance_cli.stages.convert.config import ConvertConfig
    from infinitedance_cli.stages.convert.stage import convert
    from infinitedance_cli.stream.ports import check_output, read_clips, write_clips

    settings = {"retarget": retarget or None, "fps": fps, "joints": joints, "clip_id": clip_id}
    config = options.resolve_or_print(
        ConvertConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    check_output(output, force=force)
    write_clips(convert(read_clips(inputs or ["-"]), config), output, force=force)
