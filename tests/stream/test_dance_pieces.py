from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip, Tokens
from infinitedance_cli.motion.sequence import Reel, cut, join
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.dance_pieces import Piece, join_pieces, marked, piece_of
from infinitedance_cli.stream.ports import read_clips, read_stream, write_clips, write_stream
from tests.stream.clips import full_clip

LENGTH = 24


def dance(name: str = "dance") -> MotionClip:
    """80 frames, with beats, downbeats, features and codes; quaternions of one sign."""
    clip = full_clip(name, 80)
    clip = join([cut(clip, slice(frame, frame + 1)) for frame in range(80)])
    assert clip.music is not None
    generator = np.random.default_rng(3)
    music = replace(
        clip.music,
        beats=np.round(np.arange(0.13, 2.6, 0.41), 6),
        downbeats=np.round(np.arange(0.13, 2.6, 1.64), 6),
        features=generator.normal(size=(67, 4)).astype(np.float16),
    )
    codes = generator.integers(0, 500, (20, 3)).astype(np.int16)
    return replace(clip, body=None, music=music, tokens=Tokens(codes, 4, "ab"))


def pieces_of(clip: MotionClip, stop: int | None = None) -> Iterator[MotionClip]:
    assert clip.music is not None and clip.tokens is not None and clip.music.features is not None
    for number, first in enumerate(range(0, clip.frames, LENGTH)):
        last = first + LENGTH >= clip.frames
        start_s, stop_s = first / 30, (1e9 if last else (first + LENGTH) / 30)
        beats, downbeats = (
            marks[(marks >= start_s) & (marks < stop_s)] for marks in (clip.music.beats, clip.music.downbeats)
        )
        rows = clip.music.features[first * 25 // 30 : None if last else (first + LENGTH) * 25 // 30]
        part = replace(
            cut(clip, slice(first, first + LENGTH)),
            music=replace(clip.music, beats=beats, downbeats=downbeats, features=rows),
            tokens=replace(clip.tokens, codes=clip.tokens.codes[first // 4 : (first + LENGTH) // 4]),
        )
        if number == stop:
            return
        yield marked(part, Piece(clip.clip_id, number, first, last))


def test_pieces_laid_end_to_end_are_the_dance(tmp_path: Path) -> None:
    """Byte for byte, through a file."""
    with open(tmp_path / "dance.h5", "wb") as file:
        assert write_stream(pieces_of(dance()), file, "pipe") == 4
    (joined,) = read_clips([str(tmp_path / "dance.h5")])
    assert encode(joined) == encode(dance())


def test_a_piece_is_a_clip_of_its_own(tmp_path: Path) -> None:
    stream = io.BytesIO()
    write_stream(pieces_of(dance()), stream, "pipe")
    stream.seek(0)
    second = list(read_stream(stream, "pipe"))[1]
    assert second.clip_id == "dance.00001" and second.frames == LENGTH
    assert piece_of(second) == Piece("dance", 1, 24, last=False)
    assert second.music is not None
    np.testing.assert_allclose(second.music.beats, [0.95 - 0.8, 1.36 - 0.8])


def test_dances_and_whole_clips_may_follow_one_another(tmp_path: Path) -> None:
    clips = [*pieces_of(dance("a")), full_clip("whole"), *pieces_of(dance("b")), *pieces_of(dance("b"))]
    joined = list(join_pieces(clips))
    assert [(clip.clip_id, clip.frames) for clip in joined] == [("a", 80), ("whole", 12), ("b", 80), ("b", 80)]
    assert write_clips(iter(clips), str(tmp_path / "x.h5")) == 4


def test_a_dance_that_was_broken_off_is_joined_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (joined,) = join_pieces(pieces_of(dance(), stop=2))
    assert joined.frames == 2 * LENGTH and "dance: broken off" in caplog.text and "1.6 s" in caplog.text


@pytest.mark.parametrize("order", [[0, 2, 3], [1, 2], [0, 2, 1, 3]])
def test_a_piece_that_is_missing_or_in_the_wrong_place(order: list[int]) -> None:
    pieces = list(pieces_of(dance()))
    with pytest.raises(BadInput, match=r"found piece \d of dance, .* expected piece \d"):
        list(join_pieces(pieces[number] for number in order))


def test_a_group_that_does_not_say_it_all() -> None:
    (first, *_) = pieces_of(dance())
    group = first.extra["piece"]
    broken = replace(first, extra={"piece": replace(group, attributes={"dance": "x", "number": 0})})
    with pytest.raises(BadInput, match="/piece has no @first_frame"):
        piece_of(broken)


def test_a_reel_keeps_the_numbers_of_its_frames() -> None:
    clip, reel = dance(), Reel()
    for first in range(0, 80, 30):
        reel.add(cut(clip, slice(first, first + 30)))
    reel.forget(25)
    assert reel.stop == 80
    np.testing.assert_array_equal(reel.frames(25, 61).root_position, clip.root_position[25:61])
    np.testing.assert_array_equal(reel.frames(25, 61).joint_rotation, clip.joint_rotation[25:61])
