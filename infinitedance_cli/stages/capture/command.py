"""The command `idance capture`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infinitedance_cli import options

if TYPE_CHECKING:
    from infinitedance_cli.engine.placement import Placement
    from infinitedance_cli.stages.capture.config import CaptureConfig

Videos = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="VIDEO", help="Videos, folders of them, .txt lists, URLs, or - for one on stdin.", show_default=False
    ),
]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="File (its ending picks the format), FOLDER/ for a batch, or - for stdout.",
    ),
]
Person = Annotated[
    str | None,
    typer.Option(
        "--person", "-p", metavar="WHO", help="largest, center, all, or N from the left.", show_default="largest"
    ),
]
Camera = Annotated[
    str | None, typer.Option("--camera", metavar="static|moving", help="Whether it moves.", show_default="static")
]
Backend = Annotated[
    str | None,
    typer.Option("--backend", "-b", metavar="NAME", help="Plug-in, or body+hands.", show_default="blazepose"),
]
DetectorName = Annotated[
    str | None,
    typer.Option("--detector", metavar="NAME", help="Finds people: blazepose, yolo.", show_default="blazepose"),
]
TurnBy = Annotated[
    str | None,
    typer.Option(
        "--turn", metavar="DEGREES", help="90, 180 or 270 clockwise, or none.", show_default="as the file says"
    ),
]
Focal = Annotated[
    float | None, typer.Option("--focal", metavar="PX", help="Focal length in pixels.", show_default="estimated")
]
Height = Annotated[
    float | None, typer.Option("--height", metavar="M", help="How tall the person is.", show_default="estimated")
]
Genre = Annotated[
    str | None, typer.Option("--genre", "-g", metavar="NAME", help="Dance genre, written into the clips.")
]
Source = Annotated[
    str | None, typer.Option("--source", metavar="TEXT", help="Where the video is from.", show_default="its file name")
]
License = Annotated[str | None, typer.Option("--license", metavar="TEXT", help="Terms that the video comes under.")]
Webcam = Annotated[bool, typer.Option("--webcam", help="Capture from a camera (VIDEO names it) until Ctrl-C.")]
Seconds = Annotated[
    float | None, typer.Option("--seconds", metavar="S", min=1, help="Length of a capture by --webcam.")
]
Preview = Annotated[
    str | None, typer.Option("--preview", metavar="FILE", help="Video of the landmarks beside the 3D body, .mp4.")
]


def command(
    videos: Videos = None,
    output: Output = "-",
    person: Person = None,
    camera: Camera = None,
    genre: Genre = None,
    source: Source = None,
    license: License = None,
    preview: Preview = None,
    webcam: Webcam = False,
    seconds: Seconds = None,
    backend: Backend = None,
    detector: DetectorName = None,
    turn: TurnBy = None,
    focal: Focal = None,
    height: Height = None,
    jobs: options.Jobs = None,
    run_on: options.RunOn = None,
    address: options.Address = None,
    gpus: options.GpusPerWorker = None,
    force: options.Force = False,
    config_file: options.ConfigFile = None,
    overrides: options.Overrides = None,
    print_config: options.PrintConfig = False,
) -> None:
    """Video in, motion of body, hands and face out, at a true 30 frames a second in time with the sound.

    Examples: idance capture dance.mp4 -o dance.h5; idance capture videos/ -o clips/; idance capture *.mp4 | idance
    imitate | idance restore-feet > set.h5. A batch goes on where it was stopped: videos whose clips the output holds
    are skipped. Videos that fail are named, and the command ends with exit code 5 after all others.
    """
    from infinitedance_cli.stages.capture.config import CaptureConfig

    settings = {
        "person": person,
        "camera": camera,
        "genre": genre,
        "source": source,
        "license": license,
        "backend": backend,
        "detector": detector,
        "turn": turn,
        "focal_px": focal,
        "fit.height_m": height,
    }
    config = options.resolve_or_print(
        CaptureConfig, file=config_file, overrides=overrides, options=settings, print_only=print_config
    )
    from infinitedance_cli.engine.placement import placement

    where = placement(run_on, jobs, address, gpus)
    if webcam:
        _capture_webcam(videos or [], output, preview, seconds, config, force=force)
    else:
        _capture_files(videos or ["-"], output, preview, config, where, force=force)


def _capture_files(
    inputs: list[str], output: str, preview: str | None, config: CaptureConfig, where: Placement, *, force: bool
) -> None:
    from infinitedance_cli.engine.source_folder import writing_alone
    from infinitedance_cli.stages.capture.inputs import find_videos
    from infinitedance_cli.stages.capture.outputs import open_destination, write_captured
    from infinitedance_cli.stages.capture.preview import check_preview, previewed
    from infinitedance_cli.stages.capture.stage import Outcome

    videos = find_videos(inputs)
    check_preview(preview, videos, force=force)
    with writing_alone(output) as folder:
        destination = open_destination(output, folder, videos, force=force)
        from infinitedance_cli.stages.capture.work import capture_many

        outcome = Outcome()
        is_done = destination.is_done if destination.done else None
        clips = capture_many(videos, config, where, outcome, is_done=is_done)
        with previewed(clips, preview, videos[0], config) as shown:
            write_captured(shown, destination, outcome, force=force)
    outcome.raise_if_any()


def _capture_webcam(
    devices: list[str], output: str, preview: str | None, seconds: float | None, config: CaptureConfig, *, force: bool
) -> None:
    from infinitedance_cli.errors import UsageError
    from infinitedance_cli.stages.capture.backend import load_backend
    from infinitedance_cli.stages.capture.live import capture_camera
    from infinitedance_cli.stages.capture.webcam import AUTO
    from infinitedance_cli.stream.ports import check_output, write_clips

    if len(devices) > 1:
        raise UsageError(f"--webcam: {len(devices)} cameras were named; expected one, such as /dev/video0")
    if preview is not None:
        raise UsageError("--preview and --webcam do not go together; record the video first")
    check_output(output, force=force)
    device = devices[0] if devices else AUTO
    write_clips(capture_camera(device, seconds, load_backend(config), config), output, force=force)
