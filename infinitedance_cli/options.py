"""Options that several commands share, written once: same letters, same words, same checks everywhere.

`--verbose`, `--quiet` and `--debug` are added to every command by `infinitedance_cli.cli`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from infinitedance_cli.config import ConfigType, resolve, to_yaml

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IN", help="Motion files, folders of shards, URLs, or - for the clip stream on stdin.", show_default="-"
    ),
]
Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="OUT", help="File to write (its ending picks the format), or - for stdout."),
]
ClipsOutput = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="File (its ending picks the format), FOLDER/ of shards to complete, or - for stdout.",
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output if it exists.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="YAML file with settings of this command.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, e.g. --set a.b=3; may be repeated."),
]
PrintConfig = Annotated[bool, typer.Option("--print-config", help="Show the merged settings as YAML and stop.")]
Device = Annotated[
    str | None,
    typer.Option("--device", "-d", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.", show_default="auto"),
]
Tokenizer = Annotated[
    str | None,
    typer.Option("--tokenizer", metavar="FILE", help="Trained tokeniser, or its folder.", show_default="starter"),
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", min=0, help="Same seed, same result.", show_default="0")
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Workers beside each other.", show_default="1")
]
RunOn = Annotated[
    str | None,
    typer.Option(
        "--run-on", "--engine", metavar="local|ray", help="This machine, or a Ray cluster.", show_default="local"
    ),
]
Address = Annotated[
    str | None, typer.Option("--address", metavar="HOST:PORT", help="Ray cluster to use.", show_default="one here")
]
GpusPerWorker = Annotated[
    float | None,
    typer.Option("--num-gpus-per-worker", metavar="N", min=0, help="GPUs of each Ray worker.", show_default="0"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def resolve_or_print(
    config_type: type[ConfigType],
    *,
    file: Path | None,
    overrides: list[str] | None,
    options: Mapping[str, Any],
    print_only: bool,
) -> ConfigType:
    """`config.resolve` for a command; with `print_only` show the result on stdout and end the command.

    `options` maps dotted keys of the config to the values of named options; None means that one was not given.
    """
    config = resolve(config_type, file=file, overrides=overrides or (), options=options)
    if print_only:
        typer.echo(to_yaml(config), nl=False)
        raise typer.Exit()
    return config
