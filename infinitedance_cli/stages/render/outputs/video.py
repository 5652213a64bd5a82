"""A video of each clip, or of all side by side."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.log import progress_bar
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.destination import VIDEO_FORMATS, Destination
from infinitedance_cli.stages.render.labels import label, lay_over
from infinitedance_cli.stages.render.outputs.numbered import write_each
from infinitedance_cli.stages.render.painter import Cell, Painter
from infinitedance_cli.stages.render.soundtrack import Soundtrack, find_soundtrack, with_beats
from infinitedance_cli.stages.render.studio import moment
from infinitedance_cli.stages.render.take import Take, at_one_scale, prepare
from infinitedance_cli.stages.render.video_file import VideoFile

if TYPE_CHECKING:
    import moderngl

logger = logging.getLogger(__name__)

DETAIL_PIXELS = 2.5
"""Triangles smaller than this many pixels are merged; a software rasteriser spends most of its time on them."""

_LABEL_SHARE = 1 / 36
"""Of the picture's height."""


def write(
    context: moderngl.Context,
    clips: Iterable[MotionClip],
    destination: Destination,
    config: RenderConfig,
    folders: Sequence[Path],
) -> int:
    """Draw every clip to a video of its own, or with `config.grid` all to one; returns the number of clips."""
    painter = Painter(context, config.width, config.height)

    def draw(group: Sequence[MotionClip], path: Path, number: int) -> None:
        draw_video(painter, group, path, destination, config, folders, number)

    groups: Iterable[Sequence[MotionClip]] = ([clip] for clip in clips)
    if config.grid:
        whole = list(clips)
        groups = [whole] if whole else []
    return write_each(groups, destination, draw)


def draw_video(
    painter: Painter,
    clips: Sequence[MotionClip],
    path: Path,
    destination: Destination,
    config: RenderConfig,
    folders: Sequence[Path],
    number: int,
) -> None:
    """Draw clips side by side into the file at `path`; the first of them is take `number`."""
    cells = layout(len(clips), config.width, config.height)
    fps = config.fps or clips[0].fps
    track = choose_soundtrack(clips, config, folders)
    if config.beats:
        clips = [with_beats(clip, track) for clip in clips]
    takes = at_one_scale(
        [
            prepare(clip, config, cell.aspect, number + index, fps)
            for index, (clip, cell) in enumerate(zip(clips, cells, strict=True))
        ]
    )
    frames = max(take.clip.frames for take in takes)
    video = VideoFile(
        path,
        size=config.size,
        fps=fps,
        sound=track.frames(frames / fps) if track else None,
        config=config.encoder,
        container_format=VIDEO_FORMATS[destination.path.suffix.lower()],
    )
    with video, progress_bar("drawing", frames) as advance:
        for picture in pictures(painter, takes, cells, config):
            video.add(picture)
            advance()
        video.finish()


def choose_soundtrack(clips: Sequence[MotionClip], config: RenderConfig, folders: Sequence[Path]) -> Soundtrack | None:
    """The song of the first clip that has one; the log tells when others dance to another."""
    for index, clip in enumerate(clips):
        track = find_soundtrack(clip, config, folders)
        if track is not None:
            names = {other.music.path for other in clips[index:] if other.music is not None and other.music.path}
            if config.music is None and len(names) > 1:
                logger.info("the clips have %d different songs; that of %s is heard", len(names), clip.clip_id)
            return track
    return None


def pictures(
    painter: Painter, takes: Sequence[Take], cells: Sequence[Cell], config: RenderConfig
) -> Iterator[NDArray[np.uint8]]:
    """Every picture (height, width, 4): each take in its cell; one that is over stands still in its last pose."""
    figures = [
        painter.load(take.figure, DETAIL_PIXELS * take.path.pixel_size(cell.height))
        for take, cell in zip(takes, cells, strict=True)
    ]
    named = config.labels if config.labels is not None else config.grid
    plates = [label(take.clip.clip_id, max(10, round(_LABEL_SHARE * config.height))) for take in takes if named]
    for frame in range(max(take.clip.frames for take in takes)):
        for take, figure, cell in zip(takes, figures, cells, strict=True):
            shown = min(frame, take.clip.frames - 1)
            painter.paint(figure, moment(take, shown, cell, config), cell)
        picture = painter.read()
        for plate, cell in zip(plates, cells, strict=False):
            lay_over(picture, plate, cell.left + 12, cell.top + 10)
        yield picture
    for figure in figures:
        figure.release()


def layout(count: int, width: int, height: int) -> list[Cell]:
    """`count` equal rectangles that fill a picture, in as many columns as makes them nearest to upright 4:5."""

    def strangeness(columns: int) -> float:
        rows = -(-count // columns)
        aspect = (width / columns) / (height / rows)
        empty = rows * columns - count
        return max(aspect / 0.8, 0.8 / aspect) * (1 + empty / count)

    columns = min(range(1, count + 1), key=strangeness)
    rows = -(-count // columns)
    edges_x = [round(width * column / columns) for column in range(columns + 1)]
    edges_y = [round(height * row / rows) for row in range(rows + 1)]
    cells = [
        Cell(edges_x[column], edges_y[row], edges_x[column + 1] - edges_x[column], edges_y[row + 1] - edges_y[row])
        for row in range(rows)
        for column in range(columns)
    ]
    return cells[:count]
