"""The command `idance render`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infinitedance_cli import options
from infinitedance_cli.errors import UsageError

if TYPE_CHECKING:
    from infinitedance_cli.stages.render.config import RenderConfig

Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="A video (.mp4, .mov, .mkv), a page (.html), a contact sheet (.png), or a folder/ for --control.",
        show_default=False,
    ),
]


def command(
    inputs: options.Inputs = None,
    output: Output = "",
    style: Annotated[
        str | None, typer.Option("--style", metavar="NAME", help="body, skeleton or smplx.", show_default="auto")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Pixels, or 480p to 2160p.", show_default="720p")
    ] = None,
    fps: Annotated[
        float | None, typer.Option("--fps", metavar="N", help="Frames a second.", show_default="as the clip")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="All clips side by side in one picture.")] = False,
    beats: Annotated[bool, typer.Option("--beats", help="Show the beats of the music.")] = False,
    contacts: Annotated[bool, typer.Option("--contacts", help="Mark planted feet.")] = False,
    trail: Annotated[bool, typer.Option("--trail/--no-trail", help="Show the path over the floor.")] = True,
    control: Annotated[
        str | None,
        typer.Option("--control", metavar="KIND", help="For video models: dwpose, depth, normal or densepose-like."),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option("--camera", metavar="MODE", help="follow, fixed or orbit.", show_default="follow"),
    ] = None,
    yaw: Annotated[
        float | None,
        typer.Option("--yaw", metavar="DEG", help="Camera's place around +Z.", show_default="the dancer's front"),
    ] = None,
    pitch: Annotated[
        float | None, typer.Option("--pitch", metavar="DEG", help="Camera's height angle.", show_default="10")
    ] = None,
    zoom: Annotated[
        float | None, typer.Option("--zoom", metavar="X", help="Above 1 is nearer.", show_default="1")
    ] = None,
    music: Annotated[
        str | None,
        typer.Option("--music", metavar="FILE", help="The song, or none.", show_default="the clip's own"),
    ] = None,
    music_start: Annotated[
        float | None, typer.Option("--music-start", metavar="S", min=0, help="Second of the song at the first frame.")
    ] = None,
    smplx: Annotated[
        Path | None,
        typer.Option("--smplx", metavar="PATH", help="SMPL-X .npz or its folder; also $SMPLX_MODEL_PATH."),
    ] = None,
    live: Annotated[
        Path | None,
        typer.Option("--live", metavar="DIR", help="Serve the takes of a folder to a browser, as they arrive."),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="Port of --live.", show_default="any")
    ] = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Draw motion as video with its song, as a page that plays it in any browser, or as pictures.

    Several clips become numbered files; with --grid one picture shows all. A contact sheet has one pose a beat. Needs
    no display and no GPU. Examples: idance generate song.mp3 | idance render -o dance.mp4; idance render a.npz b.npz
    --grid --beats -o both.mp4; idance render dance.h5 --control depth -o depth/
    """
    from infinitedance_cli.stages.render.config import RenderConfig

    settings = {
        "style": style,
        "size": _parse_size(size),
        "fps": fps,
        "grid": grid or None,
        "beats": beats or None,
        "contacts": contacts or None,
        "trail": None if trail else False,
        "control": control,
        "view.camera": camera,
        "view.yaw": yaw,
        "view.pitch": pitch,
        "view.zoom": zoom,
        "music": music,
        "music_start": music_start,
        "smplx": smplx,
    }
    config = options.resolve_or_print(
        RenderConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    from infinitedance_cli.stages.render.destination import find_destination
    from infinitedance_cli.stages.render.soundtrack import check_music_option
    from infinitedance_cli.stages.render.stage import render
    from infinitedance_cli.stream.ports import read_clips

    check_music_option(config)
    if live is not None:
        _serve(live, port or 0, config, given=bool(inputs or output))
        return
    if not output:
        raise UsageError("nothing says where to draw; give -o FILE.mp4 or FILE.html, or --live DIR")
    if port is not None:
        raise UsageError("--port belongs to --live DIR; give both")
    sources = inputs or ["-"]
    destination = find_destination(output, config, force=force)
    folders = [Path(source).parent for source in sources if source != "-"]
    render(read_clips(sources), destination, config, folders)


def _serve(folder: Path, port: int, config: RenderConfig, *, given: bool) -> None:
    from infinitedance_cli.stages.render.viewer.server import serve

    if given:
        raise UsageError("--live shows the takes of its folder; leave out the inputs and --output")
    serve(folder, config, port=port)


def _parse_size(text: str | None) -> tuple[int, int] | None:
    """Width and height of `1280x720` or `720p`. Raises UsageError on anything else."""
    from infinitedance_cli.stages.render.config import NAMED_SIZES

    if text is None:
        return None
    if text.lower() in NAMED_SIZES:
        return NAMED_SIZES[text.lower()]
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--size {text}: expected WIDTHxHEIGHT, such as 1280x720, or one of {', '.join(NAMED_SIZES)}")
    return int(width), int(height)
