"""A contact sheet: one pose a beat, a band for each clip."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.log import progress_bar
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.destination import Destination
from infinitedance_cli.stages.render.labels import ACCENT, INK, label, lay_over
from infinitedance_cli.stages.render.marks import is_downbeat
from infinitedance_cli.stages.render.painter import Cell, Painter
from infinitedance_cli.stages.render.picture_file import write_png
from infinitedance_cli.stages.render.soundtrack import find_soundtrack, with_beats
from infinitedance_cli.stages.render.studio import moment
from infinitedance_cli.stages.render.take import Take, prepare
from infinitedance_cli.stream.files import NewFile, clear_failure

if TYPE_CHECKING:
    import moderngl

logger = logging.getLogger(__name__)

_GAP = 4
_BACKGROUND = 244
_BEATS_PER_ROW = 8
_STEP_S = 0.5
"""Seconds between poses where the beats are unknown."""
_MOST_POSES = 2000

Picture = NDArray[np.uint8]


def write(
    context: moderngl.Context,
    clips: Iterable[MotionClip],
    destination: Destination,
    config: RenderConfig,
    folders: Sequence[Path],
) -> int:
    """Draw the contact sheet of all clips; returns their number. Raises StageFailed when there are none."""
    width, height = config.sheet.panel
    painter = Painter(context, width, height)
    # A sheet has no time: the camera stands before each pose, wherever the dance went in between.
    still = replace(config, beats=False, view=replace(config.view, smoothing_s=0.0))
    bands = [draw_band(painter, _heard(clip, config, folders), still, number) for number, clip in enumerate(clips)]
    if not bands:
        raise StageFailed(f"{destination.path}: there were no clips to draw; nothing was written")
    with NewFile(destination.path) as new:
        with clear_failure(destination.path):
            write_png(_stack(bands), Path(new.file.name))
        new.finish(destination.path)
    logger.info("wrote %s", destination.path)
    return len(bands)


def draw_band(painter: Painter, clip: MotionClip, config: RenderConfig, number: int) -> Picture:
    """All poses of a clip in rows under a heading (height, width, 3)."""
    cell = Cell(0, 0, painter.width, painter.height)
    take = prepare(clip, config, cell.aspect, number)
    frames = pose_frames(take)
    take = _same_distance(take, frames)
    columns = min(config.sheet.columns or _row_length(take), len(frames))
    heading = max(18, painter.height // 12)
    rows = -(-len(frames) // columns)
    band = np.full(
        (2 * heading + rows * (cell.height + _GAP), columns * (cell.width + _GAP) + _GAP, 3), _BACKGROUND, np.uint8
    )
    lay_over(band, label(_heading(take), heading, INK, False), _GAP + 4, round(0.4 * heading))
    figure = painter.load(take.figure, 2.0 * take.path.pixel_size(cell.height))
    with progress_bar("drawing", len(frames)) as advance:
        for place, frame in enumerate(frames):
            top = 2 * heading + place // columns * (cell.height + _GAP)
            left = _GAP + place % columns * (cell.width + _GAP)
            painter.paint(figure, moment(take, int(frame), cell, config), cell)
            band[top : top + cell.height, left : left + cell.width] = _labelled(painter.read(), take, int(frame))
            advance()
    figure.release()
    return band


def _heard(clip: MotionClip, config: RenderConfig, folders: Sequence[Path]) -> MotionClip:
    """The clip with its beats: where it does not know them, or another song is named, they are tracked in the song."""
    known = clip.music is not None and len(clip.music.beats) > 0
    if config.music is None and (known or clip.music is None):
        return clip
    return with_beats(clip, find_soundtrack(clip, config, folders))


def pose_frames(take: Take) -> NDArray[np.int64]:
    """Frames (P,) to show: the nearest to each beat, or one each half second where there are none."""
    fps, frames = take.clip.fps, take.clip.frames
    times = take.beats
    if not len(times):
        logger.info("%s: its beats are unknown, so the sheet shows a pose each half second", take.clip.clip_id)
        times = np.arange(0, take.clip.duration_s, _STEP_S)
    shown = np.unique(np.rint(times * fps).astype(int))
    shown = shown[(shown >= 0) & (shown < frames)]
    if len(shown) > _MOST_POSES:
        logger.warning("%s: only the first %d of %d poses are shown", take.clip.clip_id, _MOST_POSES, len(shown))
    return shown[:_MOST_POSES] if len(shown) else np.zeros(1, np.int64)


def _same_distance(take: Take, frames: NDArray[np.int64]) -> Take:
    """All poses at one scale, so that they can be compared."""
    distance = np.full_like(take.path.distances, take.path.needs[frames].max())
    return replace(take, path=replace(take.path, distances=distance))


def _row_length(take: Take) -> int:
    """Two bars a row where the bars are known."""
    if len(take.downbeats) < 2:
        return _BEATS_PER_ROW
    inside = (take.beats >= take.downbeats[0] - 0.03) & (take.beats < take.downbeats[-1] - 0.03)
    meter = round(float(inside.sum()) / (len(take.downbeats) - 1))
    return 2 * meter if 2 <= meter <= 8 else _BEATS_PER_ROW


def _heading(take: Take) -> str:
    clip = take.clip
    words = [clip.clip_id, f"{clip.duration_s:.1f} s"]
    if clip.labels is not None and clip.labels.genre:
        words.append(clip.labels.genre)
    if clip.music is not None and clip.music.tempo_bpm:
        words.append(f"{clip.music.tempo_bpm:.0f} BPM")
    return "   ".join(words)


def _labelled(picture: Picture, take: Take, frame: int) -> Picture:
    """The panel with its second, red on the first beat of a bar."""
    seconds = frame / take.clip.fps
    beat = float(take.beats[np.abs(take.beats - seconds).argmin()]) if len(take.beats) else -1.0
    strong = beat >= 0 and is_downbeat(take, beat)
    size = max(11, picture.shape[0] // 20)
    panel = picture[..., :3].copy()
    lay_over(panel, label(f"{seconds:.2f} s", size, ACCENT if strong else INK), 6, 6)
    return panel


def _stack(bands: Sequence[Picture]) -> Picture:
    width = max(band.shape[1] for band in bands)
    padded = [np.pad(band, ((0, 0), (0, width - band.shape[1]), (0, 0)), constant_values=_BACKGROUND) for band in bands]
    return np.concatenate(padded)
