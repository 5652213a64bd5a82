"""Control pictures of video models, as a video or as numbered PNG files in a folder."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, StageFailed
from infinitedance_cli.log import progress_bar
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.render.camera import View
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.control import (
    PARTS,
    BodySegment,
    body_segments,
    depth_range,
    dwpose_spots,
    viridis,
)
from infinitedance_cli.stages.render.destination import VIDEO_FORMATS, Destination, Kind, check_folder
from infinitedance_cli.stages.render.outputs.numbered import write_each
from infinitedance_cli.stages.render.painter import Cell, Moment, Painter
from infinitedance_cli.stages.render.picture_file import write_png
from infinitedance_cli.stages.render.pose_points import PoseFinder
from infinitedance_cli.stages.render.programs import load_program
from infinitedance_cli.stages.render.soundtrack import find_soundtrack
from infinitedance_cli.stages.render.take import Take, prepare
from infinitedance_cli.stages.render.video_file import VideoFile
from infinitedance_cli.stream.files import clear_failure

if TYPE_CHECKING:
    import moderngl

logger = logging.getLogger(__name__)

Picture = NDArray[np.uint8]

_SHADERS = {"depth": "depth.frag", "normal": "normal.frag", "densepose-like": "parts.frag"}
_MOST_SEGMENTS = 32


def write(
    context: moderngl.Context,
    clips: Iterable[MotionClip],
    destination: Destination,
    config: RenderConfig,
    folders: Sequence[Path],
) -> int:
    """Draw the control pictures of every clip; returns the number of clips."""
    painter = Painter(context, config.width, config.height)
    if destination.kind is Kind.CONTROL_FOLDER:
        return _write_folders(context, painter, clips, destination, config)

    def draw(group: Sequence[MotionClip], path: Path, number: int) -> None:
        take = _prepared(group[0], config)
        track = find_soundtrack(group[0], config, folders)
        video = VideoFile(
            path,
            size=(config.width, config.height),
            fps=take.clip.fps,
            sound=track.frames(take.clip.duration_s) if track else None,
            config=config.encoder,
            container_format=VIDEO_FORMATS[destination.path.suffix.lower()],
        )
        with video:
            for picture in pictures(context, painter, take, config):
                video.add(picture)
            video.finish()

    return write_each(([clip] for clip in clips), destination, draw)


def _prepared(clip: MotionClip, config: RenderConfig) -> Take:
    take = prepare(clip, config, config.width / config.height)
    if len(take.figure.rest_positions) != len(SMPLX_JOINT_NAMES):
        raise BadInput(f"clip {clip.clip_id}: --control needs a body; leave out --style {config.style}")
    return take


def pictures(context: moderngl.Context, painter: Painter, take: Take, config: RenderConfig) -> Iterator[Picture]:
    """The control picture (height, width, 4) of every frame."""
    cell = Cell(0, 0, config.width, config.height)
    views = [take.path.view(frame, cell.aspect) for frame in range(take.clip.frames)]
    draw = _dwpose(painter, take, cell) if config.control == "dwpose" else _body(context, painter, take, views, config)
    background = viridis(0.0) if config.control == "densepose-like" else np.zeros(3)
    with progress_bar("drawing", take.clip.frames) as advance:
        for frame, view in enumerate(views):
            painter.clear((float(background[0]), float(background[1]), float(background[2])))
            draw(frame, view)
            yield painter.read()
            advance()


DrawFrame = Callable[[int, View], None]


def _dwpose(painter: Painter, take: Take, cell: Cell) -> DrawFrame:
    finder = PoseFinder(take.figure)

    def draw(frame: int, view: View) -> None:
        points = finder.find(take.matrices[frame], view)
        painter.paint_flat(dwpose_spots(points, view, cell.width, cell.height), cell)

    return draw


def _body(
    context: moderngl.Context, painter: Painter, take: Take, views: Sequence[View], config: RenderConfig
) -> DrawFrame:
    program = load_program(context, "control.vert", _SHADERS[config.control or "depth"])
    if config.control == "depth":
        program["depth_range"] = depth_range(take.joints, views)
    elif config.control == "densepose-like":
        _set_segments(program, body_segments(take.figure.rest_positions))
    figure = painter.load(take.figure)
    cell = Cell(0, 0, config.width, config.height)

    def draw(frame: int, view: View) -> None:
        painter.paint_plain(program, figure, Moment(take.matrices[frame], take.joints[frame], view), cell)

    return draw


def _set_segments(program: moderngl.Program, segments: Sequence[BodySegment]) -> None:
    colours = viridis(np.array([segment.parts for segment in segments]) / PARTS)
    arrays = {
        "starts": np.array([segment.start for segment in segments]),
        "ends": np.array([segment.end for segment in segments]),
        "first_colours": colours[:, 0],
        "second_colours": colours[:, 1],
    }
    program["count"] = len(segments)
    for name, rows in arrays.items():
        program[name] = _filled(rows.astype(np.float32)).tolist()
    program["split_sideways"] = _filled(np.array([int(segment.sideways) for segment in segments])).tolist()


def _filled(rows: NDArray[np.generic]) -> NDArray[np.generic]:
    """Rows (32, ...) as long as the shader's arrays, which must be given whole."""
    whole = np.zeros((_MOST_SEGMENTS, *rows.shape[1:]), rows.dtype)
    whole[: len(rows)] = rows
    return whole


def _write_folders(
    context: moderngl.Context,
    painter: Painter,
    clips: Iterable[MotionClip],
    destination: Destination,
    config: RenderConfig,
) -> int:
    """`folder/00000.png` … for one clip; for several a folder each, `folder_00/`, `folder_01/` …, as with files."""
    path, count = destination.path, 0
    iterator = iter(clips)
    clip = next(iterator, None)
    if clip is None:
        raise StageFailed(f"{path}: there were no clips to draw; nothing was written")
    while clip is not None:
        with _new_folder(path) as new:
            with clear_failure(path):
                for frame, picture in enumerate(pictures(context, painter, _prepared(clip, config), config)):
                    write_png(picture, new / f"{frame:05d}.png")
            following = next(iterator, None)
            alone = count == 0 and following is None
            target = path if alone else path.with_name(f"{path.name}_{count:02d}")
            check_folder(target, force=destination.force)
            _replace_folder(new, target)
        logger.info("wrote %s (%d pictures)", target, frame + 1)
        clip, count = following, count + 1
    return count


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`; removed at the end unless it got another name."""
    new = path.with_name(f".{path.name}.{os.getpid()}.part")
    with clear_failure(path):
        new.mkdir()
    try:
        yield new
    finally:
        if new.is_dir():
            shutil.rmtree(new)


def _replace_folder(new: Path, target: Path) -> None:
    with clear_failure(target):
        if target.is_dir():
            shutil.rmtree(target)
        new.rename(target)
