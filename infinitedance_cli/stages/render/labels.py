"""Text on pictures."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

INK: Colour = (48, 54, 66)
ACCENT: Colour = (200, 56, 80)
_PAPER = (255, 255, 255)
_PAPER_OPACITY = 0.62


@lru_cache(maxsize=1024)
def label(text: str, size: int, colour: Colour = INK, paper: bool = True) -> NDArray[np.float32]:
    """A label (h, w, 4), colours times opacity, opacity last, in 0..1: text of `size` pixels on a light plate."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    pad_x, pad_y = (round(0.45 * size), round(0.28 * size)) if paper else (0, 0)
    width, height = int(right - min(left, 0)) + 2 * pad_x, round(1.15 * size) + 2 * pad_y
    mask = Image.new("L", (max(width, 1), height), 0)
    ImageDraw.Draw(mask).text((pad_x - min(left, 0), pad_y), text, fill=255, font=font)
    ink = np.asarray(mask, np.float32)[..., None] / 255
    plate = np.full_like(ink, _PAPER_OPACITY if paper else 0.0)
    opacity = ink + plate * (1 - ink)
    colours = ink * np.array(colour) / 255 + (1 - ink) * plate * np.array(_PAPER) / 255
    return np.concatenate((colours, opacity), axis=-1).astype(np.float32)


def lay_over(picture: Picture, plate: NDArray[np.float32], left: int, top: int) -> None:
    """Blend a label into a picture (height, width, 3 or 4) at a place; what reaches over its edges is cut."""
    target = picture[max(top, 0) : top + plate.shape[0], max(left, 0) : left + plate.shape[1], :3]
    part = plate[max(-top, 0) :, max(-left, 0) :][: target.shape[0], : target.shape[1]]
    target[:] = np.rint(target * (1 - part[..., 3:]) + 255 * part[..., :3])
