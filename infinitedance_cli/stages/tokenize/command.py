"""The command `idance tokenize`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infinitedance_cli import options
from infinitedance_cli.errors import UsageError

if TYPE_CHECKING:
    from infinitedance_cli.stages.tokenize.config import TokenizeConfig

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
    output: options.ClipsOutput = "-",
    decode: Decode = False,
    stats: Stats = False,
    as_json: options.Json = False,
    tokenizer: options.Tokenizer = None,
    refine: Refine = None,
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
    from infinitedance_cli.engine.clips import run_over_clips
    from infinitedance_cli.engine.placement import placement
    from infinitedance_cli.engine.task import Task

    where = placement(run_on, jobs, address, gpus)
    if stats:
        _print_statistics(inputs or ["-"], config, as_json=as_json)
        return
    opened = "open_detokenizer" if decode else "open_tokenizer"
    task = Task(f"infinitedance_cli.stages.tokenize.work:{opened}", config)
    run_over_clips(inputs or ["-"], output, task, where, force=force)


def _print_statistics(sources: list[str], config: TokenizeConfig, *, as_json: bool) -> None:
    from infinitedance_cli.stream.ports import check_inputs, read_clips

    check_inputs(sources)
    from infinitedance_cli.models.bundle import load_part
    from infinitedance_cli.models.device import pick_device
    from infinitedance_cli.models.tokenizer import Tokenizer
    from infinitedance_cli.stages.tokenize import statistics

    network = load_part(config.tokenizer, "tokenizer", Tokenizer, pick_device(config.device))
    found = statistics.measure(read_clips(sources), network, config)
    typer.echo(json.dumps(statistics.as_json(found), indent=2) if as_json else statistics.as_table(found))
