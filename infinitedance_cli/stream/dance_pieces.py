"""A dance that leaves a pipe in pieces while it is being made, and the whole that they are.

A piece is a clip like any other, with a group that says what it is a piece of::

    /piece               @dance @number @first_frame @last

Pieces follow one another without a gap: the root goes on where it was, quaternions keep their sign, and the song's
times, features and codes are those of the piece. So the whole is the pieces laid end to end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import Attributes, Group, MotionClip, MusicTrack, Tokens
from infinitedance_cli.motion.sequence import join

logger = logging.getLogger(__name__)

GROUP = "piece"
Clip = TypeVar("Clip", MotionClip, MotionClip | bytes)
_DECIMALS = 6
"""Times of beats are kept to the microsecond, so that moving them there and back is exact."""


@dataclass(frozen=True)
class Piece:
    """Piece `number`, from 0, of the dance called `dance`; it begins with frame `first_frame` of it.

    The piece that is marked `last` ends the dance; a dance that was broken off has none.
    """

    dance: str
    number: int
    first_frame: int
    last: bool


def marked(clip: MotionClip, piece: Piece) -> MotionClip:
    """The clip as a piece of a dance: named after it, with the times of its music counted from its own first frame."""
    name, music = f"{piece.dance}.{piece.number:05d}", clip.music
    attributes: Attributes = {
        "dance": piece.dance,
        "number": piece.number,
        "first_frame": piece.first_frame,
        "last": piece.last,
    }
    if music is not None:
        music = _moved(music, -piece.first_frame / clip.fps)
    return replace(clip, clip_id=name, music=music, extra={**clip.extra, GROUP: Group({}, attributes)})


def piece_of(clip: MotionClip) -> Piece | None:
    """What the clip is a piece of; None for a whole one. Raises BadInput when the group does not say it all."""
    group = clip.extra.get(GROUP)
    if group is None:
        return None
    try:
        values = {key: group.attributes[key] for key in ("dance", "number", "first_frame", "last")}
    except KeyError as error:
        raise BadInput(f"clip {clip.clip_id}: /{GROUP} has no @{error.args[0]}; write the clip again") from error
    return Piece(str(values["dance"]), int(values["number"]), int(values["first_frame"]), bool(values["last"]))


def may_be_piece(image: bytes) -> bool:
    """Whether a clip's image can be that of a piece; quick, and certain only where it says no."""
    return b"first_frame" in image and GROUP.encode() in image


def join_pieces(clips: Iterable[Clip]) -> Iterator[Clip | MotionClip]:
    """The same clips, with the pieces of a dance as one clip each; a dance is held in memory as it comes in. Images of
    clips are whole and stay as they are.

    A dance that ends without its last piece is told of and joined as far as it goes. Raises BadInput when a piece is
    missing or out of order.
    """
    held: list[MotionClip] = []
    for clip in clips:
        piece = piece_of(clip) if isinstance(clip, MotionClip) else None
        if held and (piece is None or piece.number == 0):
            yield _whole(held)
            held = []
        if piece is None or not isinstance(clip, MotionClip):
            yield clip
            continue
        _require_next(piece, held, clip)
        held.append(clip)
        if piece.last:
            yield _whole(held)
            held = []
    if held:
        yield _whole(held)


def _require_next(piece: Piece, held: Sequence[MotionClip], clip: MotionClip) -> None:
    before = piece_of(held[-1]) if held else None
    number, frame, dance = (0, 0, piece.dance)
    if before is not None:
        number, frame, dance = before.number + 1, before.first_frame + held[-1].frames, before.dance
    if (piece.number, piece.first_frame, piece.dance) != (number, frame, dance):
        raise BadInput(
            f"clip {clip.clip_id}: found piece {piece.number} of {piece.dance}, from frame {piece.first_frame}; "
            f"expected piece {number} of {dance}, from frame {frame}: keep the pieces of a dance together, in order"
        )


def _whole(pieces: Sequence[MotionClip]) -> MotionClip:
    """The pieces of one dance, in order, as one clip; what is not of a frame is what the last one knows."""
    last = pieces[-1]
    piece = piece_of(last)
    assert piece is not None, "only pieces are joined"
    if not piece.last:
        logger.warning(
            "%s: broken off: its last piece is missing; going on with its first %.1f s",
            piece.dance,
            sum(clip.duration_s for clip in pieces),
        )
    motion = join(pieces)
    return replace(
        last,
        clip_id=piece.dance,
        root_position=motion.root_position,
        joint_rotation=motion.joint_rotation,
        contacts=motion.contacts,
        music=_joined_music(pieces),
        tokens=_joined_tokens(pieces),
        extra={name: group for name, group in last.extra.items() if name != GROUP},
    )


def _joined_music(pieces: Sequence[MotionClip]) -> MusicTrack | None:
    music = pieces[-1].music
    if music is None:
        return None
    tracks = []
    for clip in pieces:
        piece = piece_of(clip)
        if clip.music is not None and piece is not None:
            tracks.append(_moved(clip.music, piece.first_frame / clip.fps))
    features = [track.features for track in tracks if track.features is not None]
    tempi = [track.tempo_bpm for track in tracks if track.tempo_bpm > 0]
    return replace(
        music,
        beats=np.concatenate([track.beats for track in tracks]),
        downbeats=np.concatenate([track.downbeats for track in tracks]),
        tempo_bpm=float(np.median(tempi)) if tempi else 0.0,
        features=np.concatenate(features) if features else None,
    )


def _moved(music: MusicTrack, seconds: float) -> MusicTrack:
    def moved(marks: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(np.round(marks, _DECIMALS) + seconds, _DECIMALS)

    return replace(music, beats=moved(music.beats), downbeats=moved(music.downbeats))


def _joined_tokens(pieces: Sequence[MotionClip]) -> Tokens | None:
    tokens = [clip.tokens for clip in pieces if clip.tokens is not None]
    return replace(tokens[-1], codes=np.concatenate([part.codes for part in tokens])) if tokens else None
