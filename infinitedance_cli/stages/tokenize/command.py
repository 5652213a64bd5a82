"""The command `idance tokenize`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from infinitedance_cli import options
from infinitedance_cli.errors import UsageError

Decode = Annotated[bool, typer.Option("--decode", help="Turn the clips' tokens back into motion.")]
Stats = Annotated[
    bool, typer.Option("--stats", help="Print how the codebooks are used and what is lost; write no clips.")
]
Refine = Annotated[
    int | None,
    typer.Option(
        "--refine", metavar="N", min=0, help="Passes that improve the codes; 0 is fastest.", show_default="30"
    ),
]


def command(
    inputs: options.Inputs = None,
    output: options.Output = "-",
    decode: Decode = False,
    stats: Stats = False,
    as_json: options.Json = False,
    tokenizer: options.Tokenizer = None,
    refine: Refine = None,
    device: options.Device = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Turn motion into tokens and back.

    Clips get three codes for every four frames, beside their motion. Tokens can be decoded only by the tokeniser that
    made them.
    """
    from infinitedance_cli.stages.tokenize.config import TokenizeConfig

    settings = {"tokenizer": tokenizer, "refine": refine, "device": device}
    config = options.resolve_or_print(
        TokenizeConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    if stats and (decode or output != "-"):
        raise UsageError(f"--stats writes no clips; leave out {'--decode' if decode else '--output'}")
    if as_json and not stats:
        raise UsageError("--json is a form of --stats; give both")
    from infinitedance_cli.stream.ports import check_inputs, check_output, read_clips, write_clips

    sources = inputs or ["-"]
    check_inputs(sources)
    if not stats:
        check_output(output, force=force)
    from infinitedance_cli.models.bundle import load_part
    from infinitedance_cli.models.device import pick_device
    from infinitedance_cli.models.tokenizer import Tokenizer
    from infinitedance_cli.stages.tokenize import stage, statistics

    network = load_part(config.tokenizer, "tokenizer", Tokenizer, pick_device(config.device))
    if stats:
        found = statistics.measure(read_clips(sources), network, config)
        text = json.dumps(statistics.as_json(found), indent=2) if as_json else statistics.as_table(found)
        typer.echo(text)
        return
    work = stage.detokenize if decode else stage.tokenize
    write_clips(work(read_clips(sources), network, config), output, force=force)
