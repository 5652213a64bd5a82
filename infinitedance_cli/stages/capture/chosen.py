"""Which person research code should follow: found and followed here, handed over as boxes.

GVHMR and GEM-X follow one person, the largest, and take boxes that lie ready instead of looking for people themselves.
So `--person` and `--detector` work for them as they do for the default backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli import plugins
from infinitedance_cli.errors import StageFailed
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.persons import LARGEST, Detect, PersonFollower, Reader, Sighting, follow_people
from infinitedance_cli.stages.capture.timeline import lay_grid, resampled
from infinitedance_cli.stages.capture.video import TimedPicture, open_video

FloatArray = NDArray[np.floating]

_ASPECT, _ROOM = 0.75, 1.2
"""Width over height of the boxes of GVHMR and its kin, and how much larger than the person they are."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """Somebody to follow: `boxes` (T, 4) pixels for all T frames of the shot, seen from frame `first` to before `end`;
    where they are not seen, the box is the nearest one that is."""

    boxes: FloatArray
    first: int
    end: int


def chosen_people(video: Path, config: CaptureConfig) -> Iterator[Chosen | None]:
    """The people of a shot that `config` asks for; None leaves the choice of the largest to the research code.

    Raises StageFailed when nobody is found, MissingResource when the models that find people are missing.
    """
    if config.person == LARGEST and config.detector == CaptureConfig().detector:
        yield None
        return
    from infinitedance_cli.stages.capture.landmarks import LandmarkReader

    detect = plugins.load("detector", config.detector).create().detect
    frames = 0

    def counted(pictures: Iterable[TimedPicture]) -> Iterator[TimedPicture]:
        nonlocal frames
        for picture in pictures:
            frames += 1
            yield picture

    with LandmarkReader(details=False) as reader, open_video(video, side=config.picture_side) as opened:
        follower = _follower(reader, detect, config)
        seen = list(follow_people(counted(opened.pictures()), follower))
    people = [person for one in seen if (person := _chosen(one, frames, config)) is not None]
    if not people:
        raise StageFailed(f"nobody is seen for {config.shots.shortest_s:g} s or more (--person {config.person})")
    yield from people


def _follower(reader: Reader, detect: Detect, config: CaptureConfig) -> PersonFollower:
    return PersonFollower(
        reader,
        detect,
        person=config.person,
        config=config.persons,
        gap_s=config.shots.longest_gap_s,
        longest_s=float("inf"),
    )


def _chosen(seen: Sighting, frames: int, config: CaptureConfig) -> Chosen | None:
    grid = lay_grid(seen.times_s)
    if grid is None or grid.frames < config.shots.shortest_s * 30:
        return None
    boxes = resampled(np.stack([row.box for row in seen.rows]).astype(np.float64), grid, seen.times_s)
    known = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    whole = [np.interp(np.arange(frames), grid.first + known, boxes[known, side]) for side in range(4)]
    return Chosen(np.stack(whole, axis=1), grid.first, min(grid.first + grid.frames, frames))


def write_boxes(path: Path, chosen: Chosen) -> None:
    """The boxes as GVHMR and GEM-X keep theirs (`bbx.pt`): corners `bbx_xyxy`, and `bbx_xys`, centre and size."""
    import torch

    boxes = chosen.boxes
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    size = _ROOM * np.maximum(height, width / _ASPECT)
    centres = np.column_stack((0.5 * (boxes[:, :2] + boxes[:, 2:]), size))
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"bbx_xyxy": torch.from_numpy(boxes).float(), "bbx_xys": torch.from_numpy(centres).float()}, path)
