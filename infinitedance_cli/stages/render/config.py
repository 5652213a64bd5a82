"""Settings of `idance render`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

Control = Literal["dwpose", "depth", "normal", "densepose-like"]
CONTROLS: tuple[Control, ...] = ("dwpose", "depth", "normal", "densepose-like")

NAMED_SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "2160p": (3840, 2160)}

AUTO_STYLE = "auto"


@dataclass(frozen=True)
class ViewConfig:
    """Where the picture is taken from.

    `camera`: "follow" keeps the dancer in the middle, smoothed over `smoothing_s`; "fixed" sees the whole path from one
    place; "orbit" follows and walks round once in `orbit_s`. `yaw` degrees, 0 looks at a dancer who faces +Z, positive
    from the dancer's left; None is the side that the dancer faces. `pitch` degrees from above; `zoom` above 1 is
    nearer; `field_of_view` degrees, vertical.
    """

    camera: Literal["follow", "fixed", "orbit"] = "follow"
    yaw: float | None = None
    pitch: Annotated[float, Ge(-10), Le(85)] = 10.0
    zoom: Annotated[float, Gt(0), Le(20)] = 1.0
    field_of_view: Annotated[float, Ge(5), Le(100)] = 30.0
    smoothing_s: Annotated[float, Ge(0)] = 0.7
    orbit_s: Annotated[float, Gt(0)] = 20.0


@dataclass(frozen=True)
class EncoderConfig:
    """How the video is written: x264's `crf` (lower is better and larger) and `preset`; `audio_kbps` of the AAC."""

    crf: Annotated[int, Ge(0), Le(51)] = 20
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"] = (
        "veryfast"
    )
    audio_kbps: Annotated[int, Ge(32), Le(512)] = 192


@dataclass(frozen=True)
class SheetConfig:
    """The contact sheet: `columns` poses in a row (None: two bars), `panel` width and height in pixels."""

    columns: Annotated[int, Ge(1), Le(64)] | None = None
    panel: tuple[Annotated[int, Ge(32)], Annotated[int, Ge(32)]] = (256, 320)


@dataclass(frozen=True)
class RenderConfig:
    """How motion is drawn.

    `style` names a renderer: "body" (the open mesh), "skeleton", "smplx" (needs its model files, see `smplx`), or
    "auto": SMPL-X for clips of that body where its files are there, else the open mesh. `size` width and height in
    pixels; `fps` None is the clip's. `grid` puts all clips side by side, `labels` (None: in a grid) names them.
    `control` draws the signals of video models instead.
    `music` is a sound file, None the clip's own, "none" silence; it is read from `music_start` seconds on (None: where
    the clip says that its dance begins).
    """

    style: str = AUTO_STYLE
    size: tuple[Annotated[int, Ge(16), Le(7680)], Annotated[int, Ge(16), Le(4320)]] = NAMED_SIZES["720p"]
    fps: Annotated[float, Gt(0), Le(240)] | None = None
    view: ViewConfig = field(default_factory=ViewConfig)
    grid: bool = False
    beats: bool = False
    contacts: bool = False
    trail: bool = True
    labels: bool | None = None
    control: Control | None = None
    music: str | None = None
    music_start: Annotated[float, Ge(0)] | None = None
    smplx: Path | None = None
    sheet: SheetConfig = field(default_factory=SheetConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.size[1]
