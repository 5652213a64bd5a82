"""The command line of `idance dataset`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from infinitedance_cli import options

app = typer.Typer(
    help="Data sets of clips: shards, figures, splits, checks, cards, imports of published sets.",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)

Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="IN", help="Folders of shards, motion files, or - for stdin.", show_default="-"),
]
Folder = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of shards; it may be there.")]
Size = Annotated[str, typer.Option("--size", metavar="SIZE", help="Largest shard, such as 500MB or 2GB.")]
OnDuplicates = Annotated[
    str,
    typer.Option(
        "--duplicates", metavar="WHAT", help="refuse or rename: two different clips of one name.", show_default=True
    ),
]


@app.command("shard")
def shard_clips(output: Folder, inputs: Inputs = None, size: Size = "1GB", duplicates: OnDuplicates = "refuse") -> None:
    """Put clips into a folder of few files with an index, which every command reads like a file.

    Clips are added to what is there; those that are there already are passed over, so that a run that was stopped goes
    on when it is started again.
    """
    from infinitedance_cli.stages.dataset.gather import parse_duplicates, parse_size, to_shards
    from infinitedance_cli.stages.dataset.sources import raise_if_lost, read_items

    lost: Counter[str] = Counter()
    to_shards(read_items(inputs or ["-"], lost), output, parse_size(size), parse_duplicates(duplicates))
    raise_if_lost(lost)


@app.command("merge")
def merge_clips(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="New .h5 file, or folder of shards.")],
    inputs: Inputs = None,
    size: Size = "1GB",
    duplicates: OnDuplicates = "refuse",
    force: options.Force = False,
) -> None:
    """Bring the clips of several inputs together in one file or folder, each once.

    A clip that comes twice with the same content is taken once.
    """
    from infinitedance_cli.stages.dataset.gather import parse_duplicates, parse_size, to_file, to_shards
    from infinitedance_cli.stages.dataset.sources import raise_if_lost, read_items
    from infinitedance_cli.stream.files import check_new_file

    lost: Counter[str] = Counter()
    shard_bytes, chosen = parse_size(size), parse_duplicates(duplicates)
    items = read_items(inputs or ["-"], lost)
    if output.suffix.lower() in (".h5", ".hdf5"):
        check_new_file(output, force=force)
        to_file(items, output, chosen)
    else:
        to_shards(items, output, shard_bytes, chosen)
    raise_if_lost(lost)


@app.command("stats")
def show_statistics(
    inputs: Inputs = None,
    as_json: options.Json = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Also draw genres and lengths into this PNG.")
    ] = None,
    force: options.Force = False,
) -> None:
    """Hours, genres, lengths, songs, and the figures of quality that clips carry."""
    from infinitedance_cli.stages.dataset.sources import list_facts
    from infinitedance_cli.stages.dataset.stats import statistics_of, to_json, to_table
    from infinitedance_cli.stream.files import check_new_file

    if picture is not None:
        check_new_file(picture, force=force)
    found = statistics_of(list_facts(inputs or ["-"]))
    if picture is not None:
        from infinitedance_cli.stages.dataset.picture import write_picture

        write_picture(found, picture)
    typer.echo(json.dumps(to_json(found), indent=2) if as_json else to_table(found), nl=as_json)


@app.command("split")
def split_clips(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where train, val and test go.")],
    inputs: Inputs = None,
    shares: Annotated[str, typer.Option("--shares", metavar="A/B/C", help="Train, val and test.")] = "85/5/10",
    ties: Annotated[
        str, typer.Option("--by", metavar="WHAT", help="What no two parts may share.")
    ] = "song,source,performer",
    seed: options.Seed = None,
    clips: Annotated[bool, typer.Option("--clips", help="Write the clips too, a folder of shards a part.")] = False,
    as_json: options.Json = False,
    force: options.Force = False,
) -> None:
    """Split into train, val and test with the same shares of every genre and nothing in common.

    Clips of one song, one video or one performer stay in one part. Writes lists of names; prints the shares that each
    genre got.
    """
    from infinitedance_cli.stages.dataset.lists import prepare_folder, write_lists, write_parts
    from infinitedance_cli.stages.dataset.sources import list_facts
    from infinitedance_cli.stages.dataset.split import parse_shares, parse_ties, split, to_json, to_table

    wanted, kept = parse_shares(shares), parse_ties(ties)
    names = _named(inputs, reread=clips)
    listing = list_facts(names)
    prepare_folder(output, force=force)
    found = split(listing, wanted, ties=kept, seed=seed or 0)
    write_lists(found, output)
    typer.echo(json.dumps(to_json(found, wanted, seed or 0), indent=2) if as_json else to_table(found), nl=as_json)
    if clips:
        write_parts(found, names, output)


@app.command("verify")
def verify_clips(inputs: Inputs = None, as_json: options.Json = False) -> None:
    """Open every clip and compare it with its hash; exit with 5 and name those that are damaged."""
    from infinitedance_cli.errors import StageFailed
    from infinitedance_cli.log import progress
    from infinitedance_cli.stages.dataset.verify import verify

    count, bad = 0, []
    for checked in progress(verify(inputs or ["-"]), "checking"):
        count += 1
        if checked.problem:
            bad.append(checked)
    if as_json:
        damaged = [{"clip": one.clip_id, "where": one.where, "problem": one.problem} for one in bad]
        typer.echo(json.dumps({"schema": 1, "clips": count, "damaged": damaged}, indent=2))
    else:
        typer.echo("".join(f"{one.problem}\n" for one in bad) + f"{count - len(bad)} of {count} clips are whole")
    if bad:
        named = ", ".join(one.clip_id or one.where for one in bad[:5]) + (" …" if len(bad) > 5 else "")
        raise StageFailed(f"{len(bad)} of {count} clips are damaged: {named}; capture or import them again")


@app.command("card")
def write_card(
    inputs: Inputs = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Markdown file, or - for stdout.")
    ] = "-",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="What the data set is called.")] = "Dance clips",
    force: options.Force = False,
) -> None:
    """Licences, origins, steps and contents of a data set, as Markdown."""
    from infinitedance_cli.stages.dataset.card import Credits, to_markdown
    from infinitedance_cli.stages.dataset.sources import list_facts
    from infinitedance_cli.stages.dataset.stats import statistics_of
    from infinitedance_cli.stream.files import NewFile, check_new_file, clear_failure

    if output != "-":
        check_new_file(Path(output), force=force)
    credits = Credits()
    text = to_markdown(statistics_of(credits.listen(list_facts(inputs or ["-"]))), title, credits.found)
    if output == "-":
        typer.echo(text, nl=False)
        return
    with NewFile(Path(output)) as new:
        with clear_failure(output):
            new.file.write(text.encode())
        new.finish(Path(output))


@app.command("import")
def import_set(
    layout: Annotated[
        str,
        typer.Argument(
            metavar="LAYOUT", help="Which set: aistpp, dd100, finedance, infinitedance, interdance or motorica."
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where it lies, as published.")],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="Folder of shards, .h5 file, or - for stdout.")
    ] = "-",
    music: Annotated[
        Path | None, typer.Option("--music", metavar="FOLDER", help="Its songs, where they lie elsewhere.")
    ] = None,
    protocol: Annotated[
        str,
        typer.Option("--protocol", metavar="NAME", help="Which of its published splits.", show_default="the usual one"),
    ] = "",
    keep_ignored: Annotated[bool, typer.Option("--all", help="Also what its authors say to ignore.")] = False,
    size: Size = "1GB",
    force: options.Force = False,
) -> None:
    """Read a published data set as it is laid out: motion, genre, song, performer, split, licence.

    Nothing is downloaded. Recordings that cannot be read are named and left out, and the exit code is then 5. A run
    into a folder of shards that was stopped goes on when it is started again.
    """
    from infinitedance_cli.stages.dataset.gather import parse_size
    from infinitedance_cli.stages.dataset.importing import Import, find_layout, write_imported
    from infinitedance_cli.stages.dataset.layouts.recording import LayoutOptions

    run = Import(find_layout(layout), LayoutOptions(music, protocol), keep_ignored)
    write_imported(run, folder, output, parse_size(size), force=force)
    run.raise_if_failed()


@app.command("music")
def add_music(
    inputs: Inputs = None,
    output: options.ClipsOutput = "-",
    songs: Annotated[
        list[Path] | None,
        typer.Option(
            "--songs", metavar="PATH", help="Song for all, or folder of them; may be repeated.", show_default="as named"
        ),
    ] = None,
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME", help="Music encoder: spectral, muq or a plug-in's.")
    ] = "spectral",
    jobs: options.Jobs = None,
    run_on: options.RunOn = None,
    address: options.Address = None,
    gpus: options.GpusPerWorker = None,
    force: options.Force = False,
) -> None:
    """Hear the songs of clips: their beats, tempo and music features, which the retriever and the choreographer learn.

    In a folder of --songs, a clip's song has the name that the clip gives, or one that stands in the clip's; else it is
    the file that the clip names (captured clips: their video). Clips without a song are left out, exit code 5.
    """
    from infinitedance_cli.engine.clips import run_over_clips
    from infinitedance_cli.engine.placement import placement
    from infinitedance_cli.engine.task import Task
    from infinitedance_cli.errors import BadInput
    from infinitedance_cli.stages.dataset.music import MusicConfig

    for path in songs or []:
        if not path.exists():
            raise BadInput(f"--songs {path}: no such file or folder")
    config = MusicConfig(tuple(map(str, songs or [])), encoder)
    task = Task("infinitedance_cli.stages.dataset.music:open_stage", config)
    run_over_clips(inputs or ["-"], output, task, placement(run_on, jobs, address, gpus), force=force)


def _named(inputs: list[str] | None, *, reread: bool) -> list[str]:
    """The inputs, standard input where none is named. Raises UsageError where they are read twice and cannot be."""
    from infinitedance_cli.errors import UsageError

    names = inputs or ["-"]
    if reread and "-" in names:
        raise UsageError("--clips reads the clips twice, and standard input can be read once; name files or folders")
    return names
