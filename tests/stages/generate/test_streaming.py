from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import ConfigError
from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.sequence import join
from infinitedance_cli.stages.evaluate.metrics.smoothness import join_jerk_ratio
from infinitedance_cli.stages.generate.config import FinishConfig
from infinitedance_cli.stages.generate.finish import decode_codes, finish
from infinitedance_cli.stages.generate.motion_stream import MotionStream
from infinitedance_cli.stages.generate.streamed_config import OverlapConfig, StreamConfig, StreamedConfig
from infinitedance_cli.stages.generate.streaming import stream_dance
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.dance_pieces import join_pieces, piece_of
from infinitedance_cli.stream.ports import read_stream
from tests.conftest import REPOSITORY, RunIdance
from tests.music.test_listening import Dribble
from tests.stages.conftest import Idance
from tests.stages.generate.songs import song


@pytest.fixture(scope="module", autouse=True)
def _threads_are_restored() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def click_track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song(tmp_path_factory.mktemp("songs") / "clicks.wav", 17.34)


def streamed(source: object, bundle: Path, piece_steps: int = 15, **settings: object) -> list[MotionClip]:
    config = StreamedConfig(model=str(bundle), stream=StreamConfig(piece_steps=piece_steps), **settings)  # type: ignore[arg-type]
    return list(stream_dance(source if isinstance(source, Dribble) else str(source), config))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "seconds"), [("a.wav", 0.5), ("b.mp3", 2.0), ("c.ogg", 5.04), ("d.m4a", 14.33)])
def test_pieces_are_as_long_together_as_the_song(tmp_path: Path, tiny_bundle: Path, name: str, seconds: float) -> None:
    pieces = streamed(song(tmp_path / name, seconds), tiny_bundle, genre="salsa")
    (clip,) = join_pieces(pieces)
    assert abs(clip.frames - seconds * 30) <= 0.5 and [piece.frames for piece in pieces[:-1]] == [60] * (
        len(pieces) - 1
    )
    assert clip.tokens is not None and len(clip.tokens.codes) == -(-clip.frames // 4)
    assert clip.music is not None and clip.music.features is not None
    assert len(clip.music.features) == np.ceil(np.round(seconds * 24_000) / 24_000 * 25 - 1e-6)
    assert len(clip.music.sha256) == 64 and clip.labels is not None and clip.labels.genre


def test_pieces_are_what_one_piece_would_be(click_track: Path, tiny_bundle: Path) -> None:
    """Frame for frame: motion, contacts, codes, beats, features."""
    (whole,) = streamed(click_track, tiny_bundle, piece_steps=10_000)
    first = piece_of(whole)
    assert first is not None and first.last and first.number == 0
    (whole,) = join_pieces([whole])
    pieces = streamed(click_track, tiny_bundle)
    assert len(pieces) == 9
    (joined,) = join_pieces(pieces)
    assert whole.music is not None and joined.music is not None
    same = replace(joined, music=replace(joined.music, tempo_bpm=whole.music.tempo_bpm), provenance=whole.provenance)
    assert encode(same) == encode(whole)


def test_however_the_song_comes_in_the_bytes_are_the_same(click_track: Path, tiny_bundle: Path) -> None:
    slow, fast = (streamed(Dribble(click_track, size), tiny_bundle) for size in (500, 1 << 20))
    assert [encode(piece) for piece in slow] == [encode(piece) for piece in fast]
    (piped,), (read,) = join_pieces(slow), join_pieces(streamed(click_track, tiny_bundle))
    np.testing.assert_array_equal(piped.joint_rotation, read.joint_rotation)
    np.testing.assert_array_equal(piped.root_position, read.root_position)
    assert piped.music is not None and read.music is not None
    assert piped.music.sha256 == read.music.sha256  # the last piece of a pipe knows it
    assert slow[0].music is not None and slow[0].music.sha256 == ""


def test_the_first_piece_leaves_long_before_the_song_is_through(tmp_path: Path, tiny_bundle: Path) -> None:
    pipe = Dribble(song(tmp_path / "long.wav", 60.0), 4096)
    config = StreamedConfig(model=str(tiny_bundle), genre="salsa")
    pieces = stream_dance(cast(BinaryIO, pipe), config)
    next(pieces)
    assert pipe.taken < 60 * 44_100 * 2 * 0.4
    pieces.close()


def test_a_radio_is_not_waited_for_beyond_the_wanted_length(tmp_path: Path, tiny_bundle: Path) -> None:
    pipe = Dribble(song(tmp_path / "long.wav", 60.0), 4096)
    (clip,) = join_pieces(streamed(pipe, tiny_bundle, duration=3.0, genre="salsa"))
    assert clip.frames == 90 and clip.music is not None and clip.music.sha256 == ""
    assert pipe.taken < 60 * 44_100 * 2 * 0.2


def test_beats_of_the_song_are_those_of_the_clicks(click_track: Path, tiny_bundle: Path) -> None:
    (clip,) = join_pieces(streamed(click_track, tiny_bundle))
    assert clip.music is not None and len(clip.music.beats) >= 33
    phase = (clip.music.beats - 0.2) % 0.5
    assert np.minimum(phase, 0.5 - phase).max() < 0.03 and np.diff(clip.music.beats).min() > 0.4


def walking_codes(bundle: Bundle, steps: int) -> np.ndarray:
    """Codes of the longest dances in the index, end to end."""
    clips = sorted(bundle.index.clips, key=lambda clip: -len(clip.codes))
    codes = np.concatenate([clip.codes for clip in clips])
    return np.tile(codes, (-(-steps // len(codes)), 1))[:steps]


def through(bundle: Bundle, codes: np.ndarray, part: int, config: FinishConfig) -> MotionClip:
    beats = np.arange(5.0, 4 * len(codes), 15.0)
    stream = MotionStream(bundle.tokenizer, config, OverlapConfig(), lambda: beats, lambda: 4 * len(codes) - 1, "x")
    return join(list(stream.motion(codes[start : start + part] for start in range(0, len(codes), part))))


def test_motion_does_not_depend_on_how_its_codes_come() -> None:
    bundle = Bundle.named("starter")
    codes = walking_codes(bundle, 130)
    one, other = (through(bundle, codes, part, FinishConfig()) for part in (1, 70))
    np.testing.assert_array_equal(one.root_position, other.root_position)
    np.testing.assert_array_equal(one.joint_rotation, other.joint_rotation)
    assert one.frames == 519


def test_seams_cannot_be_told_from_the_rest() -> None:
    """Windows of planting end every 60 frames, those of the decoder every 60, of the timing at beats."""
    bundle = Bundle.named("starter")
    clip = through(bundle, walking_codes(bundle, 225), 24, FinishConfig())
    joints = clip.joint_positions()[:, :22]
    assert join_jerk_ratio(joints, range(60, len(joints) - 8, 60)) < 1.25
    step = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(axis=1)
    assert step[59::60].max() <= np.percentile(np.delete(step, np.s_[59::60]), 99)


def test_without_finishing_it_is_the_decoded_dance() -> None:
    bundle = Bundle.named("starter")
    codes, plain = (
        walking_codes(bundle, 90),
        FinishConfig(ground=False, carry_by_stance=False, lock_feet=False, align_beats=False),
    )
    whole = finish(decode_codes(bundle.tokenizer, codes, 359, "x"), np.zeros(0), plain)
    parts = through(bundle, codes, 24, plain)
    np.testing.assert_allclose(parts.root_position, whole.root_position, atol=1e-4)
    np.testing.assert_allclose(parts.joint_positions(), whole.joint_positions(), atol=1e-4)


def test_several_takes_are_refused() -> None:
    with pytest.raises(ConfigError, match="one take, and 2 were asked for"):
        StreamedConfig(takes=2)


def test_a_path_gets_one_dance_and_a_pipe_the_pieces(
    tmp_path: Path, click_track: Path, tiny_bundle: Path, idance: Idance, run_idance: RunIdance
) -> None:
    line = ["generate", click_track, "-m", tiny_bundle, "--stream", "--duration", "5", "-o"]
    assert idance(*line, tmp_path / "dance.npz").code == 0
    assert len(np.load(tmp_path / "dance.npz")["poses"]) == 150
    piped = run_idance(*line, "-")
    assert piped.returncode == 0, piped.stderr
    (tmp_path / "pieces.h5").write_bytes(piped.stdout)
    with open(tmp_path / "pieces.h5", "rb") as file:
        assert [clip.frames for clip in read_stream(file, "pieces")] == [60, 60, 30]
    assert idance("convert", tmp_path / "pieces.h5", "-o", tmp_path / "joined.npz").code == 0
    arrays = [np.load(tmp_path / name)["poses"] for name in ("dance.npz", "joined.npz")]
    np.testing.assert_array_equal(*arrays)


def started(bundle: Path, source: Any, output: Any) -> subprocess.Popen[bytes]:
    """The command, dancing to what comes by `source`."""
    command = [sys.executable, "-m", "infinitedance_cli", "generate", "-", "--stream", "-m", str(bundle), "-o", "-"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, stdin=source, stdout=output, stderr=subprocess.PIPE, env=environment)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_an_interrupt_leaves_whole_pieces(tmp_path: Path, click_track: Path, tiny_bundle: Path) -> None:
    """The song is on a pipe that stays open: the command waits for more of it."""
    with open(tmp_path / "out.h5", "w+b") as output, started(tiny_bundle, subprocess.PIPE, output) as process:
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write(click_track.read_bytes()[:-200_000])
        process.stdin.flush()
        while (tmp_path / "out.h5").stat().st_size == 0:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read().decode().splitlines()[-1].endswith("interrupted")
        output.seek(0)
        assert [piece.frames for piece in read_stream(output, "out")][0] == 60


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
def test_a_reader_that_leaves_ends_it_quietly(click_track: Path, tiny_bundle: Path) -> None:
    with open(click_track, "rb") as source, started(tiny_bundle, source, subprocess.PIPE) as process:
        assert process.stderr is not None and process.stdout is not None
        process.stdout.read(100)
        process.stdout.close()
        assert process.wait(60) == 141
        assert b"Error" not in process.stderr.read()


def test_a_song_that_breaks_leaves_the_pieces_so_far(tmp_path: Path, tiny_bundle: Path, run_idance: RunIdance) -> None:
    """A float wav with NaN in its 25th second."""
    from tests.music.sounds import clicks, write_audio

    sound = clicks(np.arange(0.2, 30, 0.5), 30.0, 44_100)
    sound[25 * 44_100] = np.nan
    broken = write_audio(tmp_path / "broken.wav", sound[None], 44_100, "pcm_f32le")
    ended = run_idance("generate", broken, "--stream", "-m", tiny_bundle, "-g", "salsa", "-o", "-")
    assert ended.returncode == 3 and "NaN" in ended.stderr.decode().splitlines()[-1]
    (tmp_path / "out.h5").write_bytes(ended.stdout)
    with open(tmp_path / "out.h5", "rb") as file:
        pieces = list(read_stream(file, "out"))
    assert len(pieces) >= 2 and all(piece.frames == 60 for piece in pieces)
    assert json.dumps(pieces[0].provenance[0]["config"]["stream"])
