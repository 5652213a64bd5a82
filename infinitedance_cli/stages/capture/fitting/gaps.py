"""Where a person was gone for too long, a clip ends."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.contact import intervals
from infinitedance_cli.stages.capture.track import PersonTrack

_PER_TRACK = ("first_frame", "fps", "width", "height")


def seen_frames(track: PersonTrack, least_score: float = 0.3) -> NDArray[np.bool_]:
    """Frames (T,) in which the person was seen: a score, and the landmarks of the body."""
    there = np.nan_to_num(track.score) > least_score
    whole = np.all(np.isfinite(track.body_image), axis=-1)
    found: NDArray[np.bool_] = there & np.any(whole, axis=1)
    return found


def cut_track(track: PersonTrack, start: int, end: int) -> PersonTrack:
    """Frames `start` to `end` (not counted) of `track`."""
    arrays = {item.name: getattr(track, item.name)[start:end] for item in fields(track) if item.name not in _PER_TRACK}
    return replace(track, first_frame=track.first_frame + start, **arrays)


def split_track(track: PersonTrack, longest_gap_s: float = 0.5, shortest_s: float = 0.0) -> tuple[PersonTrack, ...]:
    """The pieces of `track` between gaps longer than `longest_gap_s`, each beginning and ending with a seen frame.

    Pieces shorter than `shortest_s` are left out; shorter gaps stay, for `fit` to fill.
    """
    pieces: list[tuple[int, int]] = []
    longest = longest_gap_s * track.fps + 1e-6
    for start, end in intervals(seen_frames(track)):
        if pieces and start - pieces[-1][1] <= longest:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
    least = max(1.0, shortest_s * track.fps - 1e-6)
    return tuple(cut_track(track, start, end) for start, end in pieces if end - start >= least)
