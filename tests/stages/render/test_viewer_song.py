"""The MP3 of a page: its samples lie where its figures say, whatever a decoder cuts."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.render.soundtrack import SAMPLE_RATE, Soundtrack
from infinitedance_cli.stages.render.viewer.song import DELAY, PACKET_SAMPLES, EncodedSong, encode_song
from tests.stages.render.dances import write_clicks


def decode(song: EncodedSong, *, cut: bool) -> NDArray[np.float32]:
    """Left channel; without `cut` as a decoder that does not know of the delay gives it."""
    with av.open(io.BytesIO(song.data)) as container:
        stream = container.streams.audio[0]
        if not cut:
            stream.codec_context.flags2 |= 1 << 29  # AV_CODEC_FLAG2_SKIP_MANUAL
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])


def onsets(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Seconds at which silence ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    return loud[np.diff(loud, prepend=-SAMPLE_RATE) > SAMPLE_RATE // 10] / SAMPLE_RATE


def test_the_excerpt_begins_where_the_dance_does(tmp_path: Path) -> None:
    path = write_clicks(tmp_path / "song.wav", seconds=4)
    song = encode_song(Soundtrack(path, 0.75), 2.0)
    assert song.samples == 2 * SAMPLE_RATE
    np.testing.assert_allclose(onsets(decode(song, cut=True)), [0.25, 0.75, 1.25, 1.75], atol=1e-3)


def test_a_decoder_that_cuts_nothing_is_late_by_the_stated_delay(tmp_path: Path) -> None:
    song = encode_song(Soundtrack(write_clicks(tmp_path / "song.wav"), 0.0), 2.0)
    samples = decode(song, cut=False)
    assert len(samples) == song.packets * PACKET_SAMPLES
    np.testing.assert_allclose(onsets(samples) - DELAY / SAMPLE_RATE, [0.5, 1.0, 1.5], atol=1e-3)


def test_a_song_that_ends_before_the_dance_is_shorter(tmp_path: Path) -> None:
    song = encode_song(Soundtrack(write_clicks(tmp_path / "song.wav", seconds=1.5), 0.5), 4.0)
    assert song.samples == pytest.approx(SAMPLE_RATE, abs=2)


def test_a_start_after_the_end_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no sound from 9 s on"):
        encode_song(Soundtrack(write_clicks(tmp_path / "song.wav"), 9.0), 2.0)
