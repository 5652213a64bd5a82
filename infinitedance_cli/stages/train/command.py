"""`idance train tokenizer|retriever|choreographer|foot-restorer`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infinitedance_cli import options

if TYPE_CHECKING:
    from infinitedance_cli.motion.clip import MotionClip

app = typer.Typer(
    help="Train the tokeniser, the retriever, the choreographer or the foot restorer on motion clips.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Folder = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where weights, figures and the state for resuming go.")
]
Steps = Annotated[int | None, typer.Option("--steps", metavar="N", min=1, help="Optimiser steps in all.")]
Smoke = Annotated[bool, typer.Option("--smoke", help="A few steps of a tiny network on the first clip, to try it out.")]
TokenizerFile = Annotated[
    Path | None,
    typer.Option("--tokenizer", metavar="FILE", help="Trained tokeniser.", show_default="the starter's"),
]
RetrieverFile = Annotated[
    Path | None,
    typer.Option("--retriever", metavar="FILE", help="Trained retriever.", show_default="the starter's"),
]
IndexFile = Annotated[
    Path | None,
    typer.Option("--index", metavar="FILE", help="Index that references come from.", show_default="the starter's"),
]


@app.command("tokenizer")
def tokenizer(
    inputs: options.Inputs = None,
    output: Folder = Path("tokenizer"),
    steps: Steps = None,
    seed: options.Seed = None,
    smoke: Smoke = False,
    config: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Train the residual VQ-VAE that turns motion into codes.

    The same command goes on where an interrupted run stopped. Clips whose /dataset group says another split than
    train are only measured. Folders of shards are read window by window, other inputs are held in memory.
    """
    from infinitedance_cli.stages.train.stage import TokenizerRun, train_tokenizer

    run = options.resolve_or_print(
        TokenizerRun,
        file=config,
        overrides=overrides,
        options={"loop.steps": steps, "loop.seed": seed},
        print_only=print_config,
    )
    train_tokenizer(_clips(inputs), run, output, smoke=smoke)


@app.command("retriever")
def retriever(
    inputs: options.Inputs = None,
    output: Folder = Path("retriever"),
    tokenizer: TokenizerFile = None,
    steps: Steps = None,
    seed: options.Seed = None,
    smoke: Smoke = False,
    config: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Train the network that finds dance windows by music. Clips need music features."""
    from infinitedance_cli.stages.train.stage import Parts, RetrieverRun, train_retriever

    run = options.resolve_or_print(
        RetrieverRun,
        file=config,
        overrides=overrides,
        options={"loop.steps": steps, "loop.seed": seed},
        print_only=print_config,
    )
    train_retriever(_clips(inputs), run, output, parts=Parts(tokenizer), smoke=smoke)


@app.command("choreographer")
def choreographer(
    inputs: options.Inputs = None,
    output: Folder = Path("choreographer"),
    tokenizer: TokenizerFile = None,
    retriever: RetrieverFile = None,
    index: IndexFile = None,
    steps: Steps = None,
    seed: options.Seed = None,
    smoke: Smoke = False,
    config: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Train ChoreoLLaMA, which continues a dance to music. Clips need music features."""
    from infinitedance_cli.stages.train.stage import ChoreographerRun, Parts, train_choreographer

    run = options.resolve_or_print(
        ChoreographerRun,
        file=config,
        overrides=overrides,
        options={"loop.steps": steps, "loop.seed": seed},
        print_only=print_config,
    )
    train_choreographer(_clips(inputs), run, output, parts=Parts(tokenizer, retriever, index), smoke=smoke)


@app.command("foot-restorer")
def foot_restorer(
    inputs: options.Inputs = None,
    output: Folder = Path("foot-restorer"),
    steps: Steps = None,
    seed: options.Seed = None,
    smoke: Smoke = False,
    config: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Train the diffusion model of restore-feet, which plants sliding and floating feet, on clean motion."""
    from infinitedance_cli.stages.train.stage import FootRestorerRun, train_foot_restorer

    run = options.resolve_or_print(
        FootRestorerRun,
        file=config,
        overrides=overrides,
        options={"loop.steps": steps, "loop.seed": seed},
        print_only=print_config,
    )
    train_foot_restorer(_clips(inputs), run, output, smoke=smoke)


def _clips(inputs: list[str] | None) -> Iterable[MotionClip]:
    """Clips that stay in their shards where all inputs are folders of shards, otherwise clips one after the other."""
    from infinitedance_cli.stages.train.shards import ShardClips
    from infinitedance_cli.stream.ports import check_inputs, read_clips

    names = inputs or ["-"]
    check_inputs(names)
    folders = [Path(name) for name in names]
    return ShardClips(folders) if all(folder.is_dir() for folder in folders) else read_clips(names)
