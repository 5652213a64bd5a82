from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.music.decode import stream_audio, stream_live_audio
from infinitedance_cli.music.features import load_encoder
from infinitedance_cli.music.listening import Listener, ListeningConfig
from infinitedance_cli.music.sources import LiveSource, open_live
from infinitedance_cli.music.spectrum import SAMPLE_RATE, SpectrumStream, analyse_spectrum
from tests.music.sounds import CODECS, clicks, write_audio

BPM = 120.0


class Dribble:
    """A pipe that gives a few bytes at a time and cannot be read twice."""

    def __init__(self, path: Path, most: int) -> None:
        self._bytes, self._most, self.taken = path.read_bytes(), most, 0

    def read1(self, count: int) -> bytes:
        part = self._bytes[self.taken : self.taken + min(count, self._most)]
        self.taken += len(part)
        return part


def heard(sound: np.ndarray, block: int, **settings: int) -> Listener:
    blocks = (sound[start : start + block] for start in range(0, len(sound), block))
    listener = Listener(blocks, load_encoder(), ListeningConfig(**settings))
    for second in range(5, 1000, 4):
        listener.hear(second)
        if listener.duration_s is not None:
            return listener
    raise AssertionError("the song has no end")


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """40.37 s of clicks at 120 BPM, the first at 0.2 s, every fourth louder."""
    beats = np.arange(0.2, 40.3, 60 / BPM)
    return clicks(beats, 40.37) + clicks(beats[::4], 40.37)


def test_every_beat_is_told_once_and_in_its_place(sound: np.ndarray) -> None:
    listener = heard(sound, 6000)
    assert listener.duration_s == len(sound) / SAMPLE_RATE
    expected = np.arange(0.2, 40.3, 60 / BPM)
    assert len(listener.beats) == len(expected)
    np.testing.assert_allclose(listener.beats, expected, atol=0.02)
    assert len(listener.rows) == np.ceil(40.37 * 25) and abs(listener.tempo_bpm - BPM) < 0.5


def test_what_is_told_does_not_depend_on_the_blocks(sound: np.ndarray) -> None:
    """Each request is answered from the same seconds, however the sound was cut."""
    one, other = heard(sound, 6000), heard(sound, 777)
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.beats, other.beats)


def test_what_was_told_stays_and_no_more_is_read_than_is_needed(sound: np.ndarray) -> None:
    taken = 0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal taken
        for start in range(0, len(sound), 6000):
            taken += 6000
            yield sound[start : start + 6000]

    listener = Listener(blocks(), load_encoder(), ListeningConfig(before=8, after=3))
    listener.hear(9.5)
    assert listener.told_s == 10 and 13 <= taken / SAMPLE_RATE < 14 and len(listener.rows) == 250
    rows, beats = listener.rows.copy(), listener.beats.copy()
    listener.hear(30)
    np.testing.assert_array_equal(listener.rows[:250], rows)
    np.testing.assert_array_equal(listener.beats[: len(beats)], beats)
    listener.forget(20.0)
    assert listener.first_row == 500 and len(listener.rows) == 250 and listener.beats[0] >= 20


def test_a_sound_shorter_than_the_first_look() -> None:
    listener = Listener([np.zeros(1000, np.float32)], load_encoder())
    listener.hear(5)
    assert listener.duration_s == 1000 / SAMPLE_RATE and len(listener.rows) == 2 and len(listener.beats) == 0


def test_a_spectrum_in_small_batches_is_the_same(sound: np.ndarray) -> None:
    stream, whole = SpectrumStream(batch=25), analyse_spectrum([sound])
    parts = [*stream.push(sound), *stream.flush()]
    np.testing.assert_allclose(np.concatenate([mel for mel, _ in parts]), whole.mel_db, atol=0.07)
    np.testing.assert_allclose(np.concatenate([chroma for _, chroma in parts]), whole.chroma, atol=1e-4)


@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg", "flac"])
def test_a_pipe_gives_the_samples_of_the_file(tmp_path: Path, sound: np.ndarray, ending: str) -> None:
    codec, rate = CODECS[ending]
    path = write_audio(tmp_path / f"song.{ending}", sound[None, :200_000], rate, codec)
    expected = np.concatenate(list(stream_audio(str(path), SAMPLE_RATE)))
    with open_live(cast(BinaryIO, Dribble(path, 700))) as live:
        blocks = list(stream_live_audio(live, SAMPLE_RATE))
        assert isinstance(live, LiveSource) and len(live.sha256()) == 64
    assert {len(block) for block in blocks[:-1]} == {SAMPLE_RATE // 2}
    given = np.concatenate(blocks)
    # FFmpeg cuts the padding at the end of an mp3 in files only.
    assert 0 <= len(given) - len(expected) <= (SAMPLE_RATE / 30 if ending == "mp3" else 0)
    np.testing.assert_array_equal(given[: len(expected) - 100], expected[:-100])


def test_an_m4a_in_a_pipe_is_told_to_be_named(tmp_path: Path, sound: np.ndarray) -> None:
    path = write_audio(tmp_path / "song.m4a", sound[None, :100_000], 44_100, "aac")
    with (
        open_live(cast(BinaryIO, Dribble(path, 5000))) as live,
        pytest.raises(BadInput, match="cannot be read from one: name the file"),
    ):
        list(stream_live_audio(live, SAMPLE_RATE))
