"""Settings of `idance capture`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from infinitedance_cli.errors import ConfigError

Camera = Literal["static", "moving"]
Turn = Literal["auto", "none", "90", "180", "270"]

PEOPLE = ("largest", "center", "all")


@dataclass(frozen=True)
class ShotsConfig:
    """Where a video is cut: a change of picture of `cut` (0–1) that stays for `flash_frames`; False finds no cuts.

    People who are out of sight for at most `longest_gap_s` are filled in; longer absences end the clip. Clips under
    `shortest_s` are dropped; after `longest_s` a new clip begins, so that memory has a limit.
    """

    find: bool = True
    cut: Annotated[float, Gt(0), Le(1)] = 0.25
    flash_frames: Annotated[int, Ge(1), Le(15)] = 4
    longest_gap_s: Annotated[float, Ge(0), Le(5)] = 0.5
    shortest_s: Annotated[float, Ge(0.1)] = 1.0
    longest_s: Annotated[float, Ge(10)] = 600.0


@dataclass(frozen=True)
class PersonsConfig:
    """How people are told apart: detection every `detect_every` frames while all are in sight, at most `most` at once;
    a box belongs to a person from `least_overlap` (intersection over union) on, a person is seen from `least_score`."""

    detect_every: Annotated[int, Ge(1), Le(300)] = 15
    most: Annotated[int, Ge(1), Le(32)] = 6
    least_overlap: Annotated[float, Gt(0), Le(1)] = 0.3
    least_score: Annotated[float, Ge(0), Le(1)] = 0.5


@dataclass(frozen=True)
class FitConfig:
    """How landmarks become a body: `height_m` of the person (None: estimated), `gravity` finds which way is down from
    the feet (False: the camera is level), `lock_feet` holds planted feet still."""

    height_m: Annotated[float, Ge(0.5), Le(2.6)] | None = None
    gravity: bool = True
    lock_feet: bool = True


@dataclass(frozen=True)
class CaptureConfig:
    """`backend` is a plug-in of the kind "capture", or two joined by + (body and hands).

    `person`: "largest", "center", "all" (one clip each) or a number from 1, left to right at first sight. `camera`:
    "static", or "moving" (followed by the background). `turn` degrees clockwise that the picture needs to be upright,
    "auto" as the file says. Pictures whose shorter side is well over `picture_side` are made smaller. `focal_px` of the
    upright picture as stored; None estimates it. `hands`, `face`: look for them. `detector` finds people for blazepose.
    `beats`: find the beats of the video's sound. `genre`, `source`, `license` are written into the clips.
    """

    backend: str = "blazepose"
    person: str = "largest"
    camera: Camera = "static"
    detector: str = "blazepose"
    turn: Turn = "auto"
    picture_side: Annotated[int, Ge(120), Le(4320)] = 1080
    focal_px: Annotated[float, Gt(0)] | None = None
    hands: bool = True
    face: bool = True
    beats: bool = True
    genre: str = ""
    source: str = ""
    license: str = ""
    shots: ShotsConfig = ShotsConfig()
    persons: PersonsConfig = PersonsConfig()
    fit: FitConfig = FitConfig()

    def __post_init__(self) -> None:
        if self.person not in PEOPLE and not (self.person.isdecimal() and int(self.person) > 0):
            raise ConfigError(
                f"person: found {self.person!r}; expected {', '.join(PEOPLE)}, or a number from 1 (left to right)"
            )
