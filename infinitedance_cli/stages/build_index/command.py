"""The command `idance build-index`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infinitedance_cli import options

if TYPE_CHECKING:
    from infinitedance_cli.models.dance_index.folder import FolderIndex
    from infinitedance_cli.motion.clip import MotionClip
    from infinitedance_cli.stages.build_index.config import BuildIndexConfig

logger = logging.getLogger(__name__)


Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="Index to write: a folder, which can grow, or a file .safetensors for up to 50,000 windows.",
    ),
]
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

Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="How a folder is searched: exact, graph, lists.",
        show_default="auto",
    ),
]
Add = Annotated[bool, typer.Option("--add", help="Add the clips to the index that is there.")]
Remove = Annotated[
    list[str] | None, typer.Option("--remove", metavar="NAME", help="Take this clip out; may be repeated.")
]
Retrain = Annotated[bool, typer.Option("--retrain", help="Choose kind and parameters of a folder anew, and train it.")]


def command(
    output: Output,
    inputs: options.Inputs = None,
    tokenizer: options.Tokenizer = None,
    retriever: Retriever = None,
    stride: Stride = None,
    split: Split = None,
    genres_only: GenresOnly = None,
    kind: Kind = None,
    add: Add = False,
    remove: Remove = None,
    retrain: Retrain = False,
    device: options.Device = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Build the music-dance retrieval index.

    Clips are cut into windows, and each window is filed under the music that the retriever thinks fits it, with its
    tokens, genre and origin. Dances that are generated with this index take their references from it.

    --add brings clips into an index without building it again; those that it has are left out. A folder that was
    interrupted is gone on with by the same command.
    """
    from infinitedance_cli.stages.build_index.config import BuildIndexConfig

    settings = {"tokenizer": tokenizer, "retriever": retriever, "stride": stride, "split": split, "device": device}
    chosen = {**settings, "genres_only": genres_only, "kind": kind}
    config = options.resolve_or_print(
        BuildIndexConfig, file=config_file, overrides=overrides, options=chosen, print_only=print_config
    )
    from infinitedance_cli.stream.ports import read_clips

    change = Change(add or bool(remove) or retrain, tuple(remove or ()), retrain)
    _check_output(output, change.is_change, force)
    nothing = change.is_change and not add and not inputs
    _build(iter(()) if nothing else read_clips(inputs or ["-"]), output, config, change)


@dataclass(frozen=True)
class Change:
    """What is done to an index that is there: clips come in, these go out, and it is trained anew."""

    is_change: bool
    without: tuple[str, ...]
    retrain: bool


def _check_output(output: Path, is_change: bool, force: bool) -> None:
    """Fail on a wrong output before any work starts."""
    from infinitedance_cli.errors import MissingResource
    from infinitedance_cli.models.bundle_files import is_index_folder
    from infinitedance_cli.models.dance_index.housekeeping import check_folder
    from infinitedance_cli.stream.files import check_new_file, refuse_existing

    if is_change:
        if not output.is_file() and not is_index_folder(output):
            raise MissingResource(f"{output}: no such index; build it first, without --add, --remove and --retrain")
    elif not _is_folder(output):
        check_new_file(output, force=force)
    elif is_index_folder(output):
        refuse_existing(output, force=force)
    else:
        check_folder(output)


def _is_folder(output: Path) -> bool:
    """Whether an index of this name is a folder: it has no ending, or is one already."""
    return output.is_dir() or not (output.suffix or output.is_file())


def _build(clips: Iterator[MotionClip], output: Path, config: BuildIndexConfig, change: Change) -> None:
    from infinitedance_cli.models.bundle import load_part
    from infinitedance_cli.models.dance_index import load_index, save_index
    from infinitedance_cli.models.dance_index.file import FileIndex
    from infinitedance_cli.models.device import pick_device
    from infinitedance_cli.models.retriever import Retriever
    from infinitedance_cli.models.tokenizer import Tokenizer
    from infinitedance_cli.stages.build_index.stage import Indexer, grown_file, index_clips, index_into

    where = pick_device(config.device)
    networks = (
        load_part(config.tokenizer, "tokenizer", Tokenizer, where),
        load_part(config.retriever, "retriever", Retriever, where),
    )
    if _is_folder(output):
        grow, without, retrain = change.is_change, change.without, change.retrain
        index = index_into(output, clips, Indexer(*networks, config), grow=grow, without=without, retrain=retrain)
        _report(output, index)
        return
    if change.is_change:
        old = load_index(output)
        assert isinstance(old, FileIndex)
        file = grown_file(old, clips, Indexer(*networks, config), change.without)
    else:
        file = index_clips(clips, *networks, config)
    save_index(file, output)
    _log(output, len(file), len(file.clips), file.genres)


def _report(output: Path, index: FolderIndex) -> None:
    _log(output, len(index), index.clip_count, index.genres)
    for entry in index.manifest.segments:
        own = entry.parameters
        if own.kind == "lists":
            logger.info("%d windows in %d lists, %d of them looked into", entry.windows, own.lists, own.breadth)
        elif own.kind == "graph":
            logger.info("%d windows in a graph of %d links, breadth %d", entry.windows, own.links, own.breadth)
    logger.info("recall@10 %.3f, within a genre %.3f", index.manifest.recall, index.manifest.filtered_recall)


def _log(output: Path, windows: int, clips: int, genres: Sequence[str]) -> None:
    found = ", ".join(genres) or "none"
    logger.info("wrote %s (%d windows of %d clips; genres: %s)", output, windows, clips, found)
