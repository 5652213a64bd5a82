from __future__ import annotations

import io
import logging
import os
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.music.decode import DecodeReport, probe, stream_audio
from infinitedance_cli.music.resampling import resample
from infinitedance_cli.music.sources import open_source
from tests.music.sounds import CODECS, sine, write_audio

SECONDS = 3
ODD = 123  # samples over a whole number of seconds and of codec frames


def _file(folder: Path, suffix: str, hertz: float = 440.0) -> tuple[Path, int, int]:
    codec, rate = CODECS[suffix]
    count = SECONDS * rate + ODD
    sound = sine(hertz, count, rate)
    return write_audio(folder / f"tone.{suffix}", np.stack([sound, sound]), rate, codec), rate, count


def _whole(path: Path | io.BytesIO | str, rate: int, start: float = 0.0, duration: float | None = None) -> np.ndarray:
    return np.concatenate(list(stream_audio(path, rate, start, duration)))


@pytest.mark.parametrize("suffix", sorted(CODECS))
def test_every_container_gives_the_samples_it_was_made_of(tmp_path: Path, suffix: str) -> None:
    path, rate, count = _file(tmp_path, suffix)
    sound = _whole(path, rate)
    assert len(sound) == count
    middle = slice(rate // 2, count - rate // 2)
    # Neither delayed nor quieter: the decoded tone minus the original leaves little in the middle.
    error = sound[middle] - sine(440.0, count, rate)[middle]
    assert np.sqrt((error**2).mean()) < 0.02


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg"])
def test_resampling_keeps_pitch_and_length(tmp_path: Path, suffix: str) -> None:
    path, rate, count = _file(tmp_path, suffix, 1000.0)
    sound = _whole(path, 24_000)
    assert abs(len(sound) / 24_000 - count / rate) < 1 / 24_000
    spectrum = np.abs(np.fft.rfft(sound[:48_000] * np.hanning(48_000)))
    assert np.argmax(spectrum) * 24_000 / 48_000 == pytest.approx(1000.0, abs=0.5)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = sine(440.0, 44_100, 44_100), np.zeros(44_100, np.float32)
    path = write_audio(tmp_path / "left.wav", np.stack([left, right]), 44_100, "pcm_s16le")
    assert np.abs(_whole(path, 44_100)).max() == pytest.approx(0.25, abs=0.001)


def test_cut_is_exact_to_the_sample(tmp_path: Path) -> None:
    path, rate, _ = _file(tmp_path, "flac")
    whole = _whole(path, rate)
    part = _whole(path, rate, start=0.7, duration=1.3)
    assert np.array_equal(part, whole[round(0.7 * rate) : round(0.7 * rate) + round(1.3 * rate)])


def test_duration_past_the_end_gives_what_is_there(tmp_path: Path) -> None:
    path, rate, count = _file(tmp_path, "flac")
    assert len(_whole(path, rate, start=1.0, duration=100.0)) == count - rate


def test_blocks_are_of_one_size(tmp_path: Path) -> None:
    sound = sine(200.0, 9 * 8000, 8000)[None]
    path = write_audio(tmp_path / "long.wav", sound, 8000, "pcm_s16le")
    assert [len(block) for block in stream_audio(path, 8000)] == [32_000, 32_000, 8000]


def test_bytes_from_memory_and_from_a_pipe_equal_the_file(tmp_path: Path) -> None:
    path, rate, _ = _file(tmp_path, "m4a")
    expected = _whole(path, rate)
    assert np.array_equal(_whole(io.BytesIO(path.read_bytes()), rate), expected)
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(path.read_bytes()))
    writer.start()
    piped = _whole(fifo, rate)
    writer.join()
    assert np.array_equal(piped, expected)


def test_dash_reads_standard_input_and_can_be_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, rate, _ = _file(tmp_path, "mp3")
    read_end, write_end = os.pipe()

    def feed() -> None:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(path.read_bytes())

    writer = threading.Thread(target=feed)
    writer.start()
    with os.fdopen(read_end) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with open_source("-") as source:
            first, second = list(stream_audio(source, rate)), list(stream_audio(source, rate))
    writer.join()
    assert np.array_equal(np.concatenate(first), _whole(path, rate))
    assert np.array_equal(np.concatenate(first), np.concatenate(second))


def test_probe_measures_instead_of_believing(tmp_path: Path) -> None:
    path, rate, count = _file(tmp_path, "mp3")
    info = probe(path)
    assert info.duration_s == pytest.approx(count / rate, abs=1 / 8000)
    assert (info.sample_rate, info.channels) == (44_100, 2)
    assert len(info.sha256) == 64


def test_truncated_mp3_goes_on_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, rate, _ = _file(tmp_path, "mp3")
    data = path.read_bytes()
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(data[: len(data) // 2])
    with caplog.at_level(logging.WARNING):
        sound = _whole(cut, rate)
    assert 1.0 < len(sound) / rate < 2.0
    assert "truncated" in caplog.text and "of 3.0 s" in caplog.text


def test_whole_file_does_not_warn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, rate, _ = _file(tmp_path, "mp3")
    with caplog.at_level(logging.WARNING):
        _whole(path, rate, duration=1.0)
        _whole(path, rate)
    assert not caplog.records


def test_missing_file_folder_and_empty_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    for name, words in (("nowhere.mp3", "no such file"), ("empty.wav", "0 bytes"), ("", "folder")):
        with pytest.raises(BadInput, match=words):
            _whole(tmp_path / name, 8000)


def test_text_named_wav_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("this is not a song\n" * 50)
    with pytest.raises(BadInput, match=r"notes\.wav: not a sound or video file"):
        _whole(path, 8000)


def test_wav_without_samples_is_refused(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "short.wav", sine(440.0, 100, 8000)[None], 8000, "pcm_s16le")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadInput, match="no sound could be decoded"):
        _whole(path, 8000)


def test_video_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(BadInput, match="video without a sound track"):
        _whole(path, 8000)


def test_nan_samples_are_refused_with_their_place(tmp_path: Path) -> None:
    sound = sine(440.0, 6 * 8000, 8000)
    sound[5 * 8000] = np.nan
    path = write_audio(tmp_path / "nan.wav", sound[None], 8000, "pcm_f32le")
    with pytest.raises(BadInput, match=r"NaN or infinite samples at 5\.0 s"):
        _whole(path, 8000)


def test_start_past_the_end_and_senseless_cuts_are_refused(tmp_path: Path) -> None:
    path, rate, _ = _file(tmp_path, "wav")
    with pytest.raises(BadInput, match=r"start 9 s is past the end, the sound is 3\.0 s"):
        _whole(path, rate, start=9.0)
    for start, duration in ((-1.0, None), (0.0, 0.0), (float("nan"), None)):
        with pytest.raises(BadInput, match="start must not be negative"):
            _whole(path, rate, start, duration)


def test_report_counts_what_was_decoded(tmp_path: Path) -> None:
    path, rate, count = _file(tmp_path, "m4a")
    report = DecodeReport()
    list(stream_audio(path, 8000, report=report))
    assert report.codec == "aac"
    assert report.decoded_s == pytest.approx(count / rate, abs=1e-6)


def test_resample_keeps_a_tone() -> None:
    tone = resample(sine(300.0, 44_100, 44_100), 44_100, 24_000)
    assert len(tone) == 24_000
    assert np.abs(tone[2000:-2000] - sine(300.0, 24_000, 24_000)[2000:-2000]).max() < 1e-3
