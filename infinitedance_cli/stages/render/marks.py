"""What is shown on demand: planted feet, the beat on the floor and the beats to come."""

from __future__ import annotations

import numpy as np

from infinitedance_cli.motion.contact import FOOT_JOINTS
from infinitedance_cli.stages.render.flat import Spot
from infinitedance_cli.stages.render.painter import Cell
from infinitedance_cli.stages.render.take import BEAT_LINE_SHARE, Take

LEFT, RIGHT = (1.0, 0.48, 0.10), (0.10, 0.45, 0.95)
_HEEL_RADIUS, _TOE_RADIUS = 0.055, 0.07
_BEAT, _DOWNBEAT = (0.30, 0.34, 0.44), (0.86, 0.30, 0.38)
_RING_S = 0.32
_WINDOW_S = 2.0


def planted_spots(take: Take, frame: int) -> list[Spot]:
    """A disc under each planted heel and ball of a foot: orange left, blue right."""
    spots = []
    for column, joint in enumerate(FOOT_JOINTS):
        if take.planted[frame, column]:
            x, _, z = take.joints[frame, joint]
            radius = _HEEL_RADIUS if column % 2 == 0 else _TOE_RADIUS
            colour = (*(LEFT if column < 2 else RIGHT), 0.85)
            spots.append(Spot((float(x), float(z)), (radius, radius), colour, softness=0.02))
    return spots


def beat_ring(take: Take, frame: int) -> list[Spot]:
    """A ring on the floor that opens and fades after each beat, redder on the first of a bar."""
    seconds = frame / take.clip.fps
    past = take.beats[take.beats <= seconds + 1e-6]
    if not len(past) or seconds - past[-1] > _RING_S:
        return []
    part = (seconds - past[-1]) / _RING_S
    colour = _DOWNBEAT if is_downbeat(take, float(past[-1])) else _BEAT
    x, z = take.floor_path[frame]
    radius = 0.45 + 0.35 * float(part)
    opacity = 0.75 * (1 - float(part)) ** 1.5
    return [Spot((float(x), float(z)), (radius, radius), (*colour, opacity), outline=0.035, softness=0.012)]


def is_downbeat(take: Take, seconds: float) -> bool:
    """True when a beat at `seconds` is the first of a bar."""
    return bool(len(take.downbeats)) and bool(np.abs(take.downbeats - seconds).min() < 0.03)


def beat_line(take: Take, frame: int, cell: Cell) -> list[Spot]:
    """A line of beats that runs through a mark at the picture's foot, and a lamp that lights up on each."""
    unit = min(cell.height / 720, cell.width / 640)
    middle, base = cell.width / 2, cell.height * (1 - 0.45 * BEAT_LINE_SHARE)
    half = min(0.42 * cell.width, 460 * unit)
    seconds = frame / take.clip.fps
    spots = [Spot((middle, base), (half + 14 * unit, 20 * unit), (1.0, 1.0, 1.0, 0.55), corner=20 * unit)]
    for beat in take.beats[np.abs(take.beats - seconds) < _WINDOW_S]:
        away = float(beat - seconds) / _WINDOW_S
        strong = is_downbeat(take, float(beat))
        size = (2.6 * unit, (13 if strong else 8) * unit)
        opacity = 0.95 * min(1.0, 6 * (1 - abs(away)))
        spots.append(
            Spot((middle + away * half, base), size, (*(_DOWNBEAT if strong else _BEAT), opacity), corner=2.6 * unit)
        )
    past = take.beats[take.beats <= seconds + 1e-6]
    glow = max(0.0, 1 - (seconds - float(past[-1])) / _RING_S) if len(past) else 0.0
    radius = (9 + 8 * glow) * unit
    colour = _DOWNBEAT if len(past) and is_downbeat(take, float(past[-1])) else _BEAT
    spots.append(Spot((middle, base), (radius, radius), (*colour, 0.9), outline=2.5 * unit))
    if glow > 0:
        spots.append(Spot((middle, base), (radius, radius), (*colour, 0.85 * glow)))
    return spots
