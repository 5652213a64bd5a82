"""A picture of a data set: hours of each genre, and how long its clips are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.genres import CLASSES, GENRES
from infinitedance_cli.stages.dataset.stats import Share, Statistics, duration
from infinitedance_cli.stream.files import NewFile, clear_failure

if TYPE_CHECKING:
    from PIL import ImageDraw

_WIDTH, _MARGIN, _ROW, _TEXT = 1200, 40, 26, 17
_CHART_HEIGHT, _BINS, _MOST_GENRES = 260, 30, 40
_INK, _FAINT, _PAPER = (34, 34, 40), (205, 205, 212), (255, 255, 255)
_COLOURS = ((204, 102, 153), (68, 119, 170), (238, 136, 68), (102, 170, 119), (170, 136, 68), (136, 102, 187))
_OTHER = (140, 140, 150)


def write_picture(found: Statistics, path: Path) -> None:
    """Writes the picture as PNG. Raises StageFailed when it cannot be written."""
    from PIL import Image, ImageDraw

    genres = _shown_genres(found)
    top = 3 * _MARGIN
    height = top + _ROW * len(genres) + 3 * _MARGIN + _CHART_HEIGHT + 2 * _MARGIN
    image = Image.new("RGB", (_WIDTH, height), _PAPER)
    draw = ImageDraw.Draw(image)
    _text(draw, _MARGIN, _MARGIN - 8, f"{found.clips} clips, {duration(found.hours)}", 28)
    note = f"{len(found.genres)} genres, {found.songs} songs, {found.performers} performers"
    _text(draw, _MARGIN, _MARGIN + 30, note, _TEXT)
    bottom = _genre_bars(draw, genres, top)
    _length_bars(draw, found.lengths_s, bottom + 2 * _MARGIN)
    with NewFile(path) as new:
        with clear_failure(path):
            image.save(new.file, format="PNG")
        new.finish(path)


def _shown_genres(found: Statistics) -> list[tuple[str, Share]]:
    """The longest genres, and the sum of the others."""
    named = list(found.genres.items())
    rest = [share for _, share in named[_MOST_GENRES:]]
    if rest:
        total = Share(sum(share.clips for share in rest), sum(share.seconds for share in rest))
        named = [*named[:_MOST_GENRES], (f"{len(rest)} others", total)]
    return named


def _genre_bars(draw: ImageDraw.ImageDraw, genres: Sequence[tuple[str, Share]], top: int) -> int:
    """One bar a genre, coloured by its class, with its length; returns where they end."""
    left, right = 240, _WIDTH - 190
    longest = max(share.seconds for _, share in genres)
    for row, (name, share) in enumerate(genres):
        y = top + row * _ROW
        end = left + round((right - left) * share.seconds / longest)
        _text(draw, left - 12, y + _ROW // 2, name, _TEXT, anchor="rm")
        draw.rectangle((left, y + 4, max(end, left + 1), y + _ROW - 4), fill=colour_of(name))
        _text(draw, end + 10, y + _ROW // 2, f"{duration(share.seconds / 3600)} · {share.clips}", _TEXT, anchor="lm")
    return top + _ROW * len(genres)


def colour_of(genre: str) -> tuple[int, int, int]:
    """The colour of a genre's class; grey for a genre of none."""
    known = GENRES.get(genre)
    return _OTHER if known is None else _COLOURS[CLASSES.index(known.family)]


def _length_bars(draw: ImageDraw.ImageDraw, lengths_s: NDArray[np.float64], top: int) -> None:
    """How many clips are how long."""
    left, right, bottom = 90, _WIDTH - _MARGIN, top + _MARGIN + _CHART_HEIGHT
    _text(draw, _MARGIN, top, "clips by length", _TEXT + 3)
    counts, edges = np.histogram(lengths_s, bins=_BINS, range=(0.0, float(lengths_s.max())))
    wide = (right - left) / _BINS
    for number, count in enumerate(counts.tolist()):
        x = left + number * wide
        high = round(_CHART_HEIGHT * count / counts.max())
        draw.rectangle((x + 1, bottom - high, x + wide - 2, bottom), fill=_COLOURS[1])
    draw.line((left, bottom, right, bottom), fill=_FAINT, width=2)
    _text(draw, left - 10, bottom - _CHART_HEIGHT, str(counts.max()), _TEXT, anchor="rm")
    for number in range(0, _BINS + 1, 5):
        _text(draw, left + number * wide, bottom + 14, f"{edges[number]:.3g} s", _TEXT, anchor="mt")


def _text(draw: ImageDraw.ImageDraw, x: float, y: float, text: str, size: int, anchor: str = "lt") -> None:
    from PIL import ImageFont

    draw.text((x, y), text, fill=_INK, font=ImageFont.load_default(size), anchor=anchor)
