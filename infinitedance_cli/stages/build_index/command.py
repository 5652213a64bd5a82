"""The command `idance build-index`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infinitedance_cli import options

if TYPE_CHECKING:
    from infinitedance_cli.motion.clip import MotionClip
    from infinitedance_cli.stages.build_index.config import BuildIndexConfig

logger = logging.getLogger(__name__)


Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Index to write, .safetensors.")]
Retriever = Annotated[
    str | None,
    typer.Option("--retriever", metavar="FILE", help="Trained retriever, or its folder.", show_default="starter"),
]
Stride = Annotated[
    int | None, typer.Option("--stride", metavar="N", min=1, help="Steps from window to window.", show_default="8")
]
Split = Annotated[str | None, typer.Option("--split", metavar="NAME", help="Only clips of this split, such as train.")]
GenresOnly = Annotated[
    bool | None, typer.Option("--genres-only", help="Only clips that are labelled with a genre of dance.")
]


def command(
    output: Output,
    inputs: options.Inputs = None,
    tokenizer: options.Tokenizer = None,
    retriever: Retriever = None,
    stride: Stride = None,
    split: Split = None,
    genres_only: GenresOnly = None,
    device: options.Device = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Build the music-dance retrieval index.

    Clips are cut into windows, and each window is filed under the music that the retriever thinks fits it, with its
    tokens, genre and origin. Dances that are generated with this index take their references from it.
    """
    from infinitedance_cli.stages.build_index.config import BuildIndexConfig

    settings = {"tokenizer": tokenizer, "retriever": retriever, "stride": stride, "split": split, "device": device}
    chosen = {**settings, "genres_only": genres_only}
    config = options.resolve_or_print(
        BuildIndexConfig, file=config_file, overrides=overrides, options=chosen, print_only=print_config
    )
    from infinitedance_cli.stream.files import check_new_file
    from infinitedance_cli.stream.ports import read_clips

    clips = read_clips(inputs or ["-"])
    check_new_file(output, force=force)
    _build(clips, output, config)


def _build(clips: Iterator[MotionClip], output: Path, config: BuildIndexConfig) -> None:
    from infinitedance_cli.models.bundle import load_part
    from infinitedance_cli.models.dance_index import save_index
    from infinitedance_cli.models.device import pick_device
    from infinitedance_cli.models.retriever import Retriever
    from infinitedance_cli.models.tokenizer import Tokenizer
    from infinitedance_cli.stages.build_index.stage import index_clips

    where = pick_device(config.device)
    networks = (
        load_part(config.tokenizer, "tokenizer", Tokenizer, where),
        load_part(config.retriever, "retriever", Retriever, where),
    )
    index = index_clips(clips, *networks, config)
    save_index(index, output)
    found = ", ".join(index.genres) or "none"
    logger.info("wrote %s (%d windows of %d clips; genres: %s)", output, len(index), len(index.clips), found)
