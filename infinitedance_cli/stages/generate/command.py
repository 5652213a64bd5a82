"""The command `idance generate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, cast

import typer

from infinitedance_cli import options
from infinitedance_cli.errors import UsageError

if TYPE_CHECKING:
    from infinitedance_cli.engine.placement import Placement
    from infinitedance_cli.motion.clip import MotionClip
    from infinitedance_cli.stages.generate.config import GenerateConfig
    from infinitedance_cli.stages.generate.streamed_config import StreamedConfig

Songs = Annotated[
    list[str],
    typer.Argument(metavar="SONG", help="Audio or video files, folders, .txt lists, URLs, or - for one on stdin."),
]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="File (its ending picks the format), FOLDER/ for a file a song, or - for stdout.",
    ),
]
Genre = Annotated[
    str | None,
    typer.Option(
        "--genre", "-g", metavar="NAME", help="Dance genre; auto picks one for the song.", show_default="auto"
    ),
]
Takes = Annotated[
    int | None,
    typer.Option("--takes", metavar="N", min=1, help="Dances to make, with seeds N, N+1 ….", show_default="1"),
]
Start = Annotated[
    float | None, typer.Option("--start", metavar="S", min=0, help="Second of the song to begin at.", show_default="0")
]
Duration = Annotated[
    float | None, typer.Option("--duration", metavar="S", help="Seconds to dance.", show_default="to the end")
]
Temperature = Annotated[
    float | None, typer.Option("--temperature", metavar="T", min=0, help="Higher is wilder.", show_default="0.85")
]
TopK = Annotated[
    int | None, typer.Option("--top-k", metavar="K", min=0, help="Draw among the K likeliest codes.", show_default="30")
]
TopP = Annotated[
    float | None,
    typer.Option("--top-p", metavar="P", help="Draw among codes up to this probability.", show_default="0.8"),
]
References = Annotated[
    int | None, typer.Option("--references", metavar="K", min=0, help="Retrieved dances to look at.", show_default="4")
]
Candidates = Annotated[
    int | None,
    typer.Option(
        "--candidates", metavar="N", min=1, help="Continuations to choose from; 1 is fastest.", show_default="4"
    ),
]
Stream = Annotated[
    bool,
    typer.Option("--stream", help="Dance while the song is being read; the dance leaves in pieces of two seconds."),
]
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        metavar="idance|release",
        help="release: the published model exactly as its authors' scripts run it.",
        show_default="idance",
    ),
]
Preview = Annotated[
    str | None,
    typer.Option("--preview", metavar="FILE", help="Draw it as well, with the song: .mp4, .html, or .png."),
]
Model = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="NAME", help="starter, infinitedance, or a folder.", show_default="starter"),
]
BatchSize = Annotated[
    str | None,
    typer.Option(
        "--batch-size",
        metavar="N|auto",
        help="Dances that the published model draws side by side.",
        show_default="auto: as many as fit",
    ),
]


def command(
    songs: Songs,
    output: Output = "-",
    genre: Genre = None,
    seed: options.Seed = None,
    takes: Takes = None,
    start: Start = None,
    duration: Duration = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    references: References = None,
    candidates: Candidates = None,
    preview: Preview = None,
    model: Model = None,
    stream: Stream = False,
    protocol: Protocol = None,
    device: options.Device = None,
    batch_size: BatchSize = None,
    jobs: options.Jobs = None,
    run_on: options.RunOn = None,
    address: options.Address = None,
    gpus: options.GpusPerWorker = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """A song in, a dance out, exactly as long as the song.

    Examples: idance generate song.mp3 --genre k-pop -o dance.glb; idance generate song.wav --takes 3 -o take.npz;
    idance generate song.flac | idance convert -o dance.bvh; ffmpeg -i URL -f wav - | idance generate - --stream | …;
    idance generate songs/ -o dances/ --jobs 4. A folder of dances is completed by a rerun; songs that fail are named,
    and the command ends with exit code 5 after all others.
    """
    from infinitedance_cli.engine.placement import placement
    from infinitedance_cli.stages.generate.config import GenerateConfig

    drawing = {
        "sampling.temperature": temperature,
        "sampling.top_k": top_k,
        "sampling.top_p": top_p,
        "references": references,
    }
    settings = {
        "genre": genre,
        "seed": seed,
        "takes": takes,
        "start": start,
        "duration": duration,
        **drawing,
        **{f"released.{name}": value for name, value in drawing.items()},
        "choice.candidates": candidates,
        "model": model,
        "protocol": protocol,
        "released.batch_size": batch_size,
        "device": device,
    }
    config_type: type[GenerateConfig] = GenerateConfig
    if stream:
        from infinitedance_cli.stages.generate.streamed_config import StreamedConfig

        config_type = StreamedConfig
    config = options.resolve_or_print(
        config_type, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    _dance(songs, output, preview, config, placement(run_on, jobs, address, gpus), stream=stream, force=force)


def _dance(
    songs: list[str],
    output: str,
    preview: str | None,
    config: GenerateConfig,
    where: Placement,
    *,
    stream: bool,
    force: bool,
) -> None:
    from infinitedance_cli.engine.outputs import is_folder
    from infinitedance_cli.remote import is_remote
    from infinitedance_cli.stages.generate.many import find_songs, generate_many

    found = find_songs(songs)
    if len(found) == 1 and not (where.on_ray or is_folder(output) or is_remote(found[0])):
        _generate(found[0], output, preview, config, stream=stream, force=force)
        return
    if preview is not None or stream:
        option = "--preview draws" if preview is not None else "--stream dances"
        raise UsageError(f"{option} one song on this machine, into a file or a pipe; leave it out for many songs")
    if not where.on_ray:
        from infinitedance_cli.stages.generate.model_folder import model_folder

        model_folder(config.model)
    generate_many(found, output, config, where, force=force)


def _generate(
    song: str, output: str, preview: str | None, config: GenerateConfig, *, stream: bool, force: bool
) -> None:
    from infinitedance_cli.stages.generate.model_folder import model_folder
    from infinitedance_cli.stages.generate.preview import check_preview, previewed
    from infinitedance_cli.stream.ports import check_output, write_clips

    check_output(output, force=force, clips=config.takes)
    if preview is not None:
        check_preview(preview, force=force)
    model_folder(config.model)
    with _dances(song, config, stream) as clips, previewed(clips, preview, force=force) as dances:
        write_clips(dances, output, force=force)


@contextmanager
def _dances(song: str, config: GenerateConfig, stream: bool) -> Iterator[Iterator[MotionClip]]:
    """The dances of a song. The stage is imported late: torch takes longer than all the checks before."""
    from infinitedance_cli.music.sources import can_seek, open_source
    from infinitedance_cli.stages.generate.estimate import announce

    if stream:
        if can_seek(song):
            announce(song, config)
        from infinitedance_cli.stages.generate.streaming import stream_dance

        yield stream_dance(song, cast("StreamedConfig", config))
        return
    with open_source(song) as source:
        announce(source, config)
        from infinitedance_cli.stages.generate.stage import generate

        yield generate(source, config)
