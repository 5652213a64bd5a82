from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli import plugins
from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.music.compose import compose
from infinitedance_cli.music.encoders.spectral import LAYOUT, rhythm_columns
from infinitedance_cli.music.features import FeatureLayout, encode_song, frame_count, load_encoder
from infinitedance_cli.music.rhythm import known_rhythm, no_rhythm
from infinitedance_cli.music.song import Song, analyse_song, song_from_audio
from tests.music.sounds import clicks, sine, write_audio

RATE = 24_000


def _encoded(song: Song) -> dict[str, np.ndarray]:
    features = encode_song(song, load_encoder())
    return {name: features[:, columns] for name, columns in LAYOUT.slices.items()}


def test_layout_has_every_column_once() -> None:
    columns = [index for part in LAYOUT.slices.values() for index in range(part.start, part.stop)]
    assert columns == list(range(66)) == list(range(load_encoder().dimension))


def test_join_refuses_missing_and_unknown_blocks() -> None:
    layout = FeatureLayout((("a", 1), ("b", 2)))
    assert layout.join({"b": np.ones((3, 2)), "a": np.zeros((3, 1))}).tolist() == [[0, 1, 1]] * 3
    with pytest.raises(ValueError, match="'b'"):
        layout.join({"a": np.zeros((3, 1))})


@pytest.mark.parametrize(("seconds", "rows"), [(1.0, 25), (1.001, 26), (0.04, 1), (47.3, 1183)])
def test_rows_cover_the_song(seconds: float, rows: int) -> None:
    assert frame_count(seconds, 25.0) == rows


def test_known_beats_are_where_the_phase_is_zero() -> None:
    beats = np.arange(0.2, 10, 0.4)
    song = song_from_audio(clicks(beats, 10.0), RATE, known_rhythm(beats, 10.0))
    blocks = _encoded(song)
    on = np.round(beats * 25).astype(int)
    assert np.abs(blocks["beat_phase"][on] - [0, 1]).max() < 1e-6
    assert np.abs(blocks["bar_phase"][on[1::4]] - [1, 0]).max() < 1e-6  # the second beat of four: a quarter of a turn
    assert blocks["impulse"][on, 0] == pytest.approx(1.0)
    assert blocks["impulse"][on[2::4], 1] == pytest.approx(0.0, abs=1e-6)
    assert blocks["tempo"][100] == pytest.approx([np.log2(150 / 120) / 2, 1.0], abs=1e-6)


def test_song_without_a_beat_has_zeros_there() -> None:
    for block in rhythm_columns(no_rhythm(4.0), 100).values():
        assert block.shape == (100, 2) and not block.any()


def test_silence_is_finite_and_quiet() -> None:
    blocks = _encoded(song_from_audio(np.zeros(RATE, np.float32), RATE))
    assert len(blocks["chroma"]) == 25
    assert not blocks["onset"].any()


def test_all_columns_are_bounded_and_do_not_care_about_volume() -> None:
    sound, rhythm = compose("rock", 120.0, bars=6, seed=4)
    loud = encode_song(song_from_audio(sound, RATE, rhythm), load_encoder())
    soft = encode_song(song_from_audio(sound * 0.1, RATE, rhythm), load_encoder())
    assert np.abs(loud).max() <= 1.0
    assert np.abs(loud - soft).max() < 0.02


def test_blocks_hear_what_they_are_named_after() -> None:
    fade = np.minimum(np.arange(2 * RATE) / 480, 1)  # 20 ms: no click that sounds in all bands
    quiet, low, high = np.zeros(2 * RATE), sine(55.0, 2 * RATE, RATE) * fade, sine(7000.0, 2 * RATE, RATE) * fade
    blocks = _encoded(song_from_audio(np.concatenate([quiet, low, quiet, high]).astype(np.float32), RATE))
    assert blocks["loudness"][25, 0] == -1.0 < blocks["loudness"][75, 0]
    assert not blocks["onset"][20].any() and blocks["onset"][80].max() < 0.05
    start_of_low, start_of_high = blocks["onset"][49:53].max(axis=0), blocks["onset"][149:153].max(axis=0)
    assert start_of_low[0] > 0.9 > 0.1 > start_of_low[2]
    assert start_of_high[2] > 0.9 > 0.1 > start_of_high[0]


def test_chroma_names_the_note_and_fades_in_silence() -> None:
    sound = np.concatenate([np.zeros(2 * RATE, np.float32), sine(440.0, 2 * RATE, RATE)])
    chroma = _encoded(song_from_audio(sound, RATE))["chroma"]
    assert chroma[75].argmax() == 9 and chroma[75, 9] == pytest.approx(1.0)
    assert not chroma[20].any()


def test_a_file_and_its_samples_have_the_same_features(tmp_path: Path) -> None:
    sound, _ = compose("house", 120.0, bars=4, seed=1)
    path = write_audio(tmp_path / "song.wav", sound[None], RATE, "pcm_f32le")
    from_file = encode_song(analyse_song(path), load_encoder())
    assert np.allclose(from_file, encode_song(song_from_audio(sound, RATE), load_encoder()), atol=1e-5)


def test_cut_song_reads_the_same_stretch_again(tmp_path: Path) -> None:
    sound = sine(300.0, 4 * RATE, RATE) * np.linspace(0, 1, 4 * RATE, dtype=np.float32)
    path = write_audio(tmp_path / "rise.wav", sound[None], RATE, "pcm_f32le")
    song = analyse_song(path, start=1.5, duration=2.0)
    assert song.duration_s == 2.0
    assert song.info is not None and song.info.path == str(path)
    again = np.concatenate(list(song.audio(RATE)))
    assert np.allclose(again, sound[36_000:84_000], atol=1e-6)


def test_bad_arrays_are_refused() -> None:
    with pytest.raises(BadInput, match="mono"):
        song_from_audio(np.zeros((2, 100), np.float32), RATE)
    with pytest.raises(BadInput, match="NaN"):
        song_from_audio(np.full(100, np.nan, np.float32), RATE)


@dataclass(frozen=True)
class _Short:
    name: str = "short"
    rate_hz: float = 25.0
    dimension: int = 2

    def encode(self, song: Song) -> np.ndarray:
        return np.zeros((1, 2), np.float32)


def test_an_encoder_that_breaks_its_promise_is_named() -> None:
    with pytest.raises(StageFailed, match=r"short returned shape \(1, 2\); expected \(50, 2\)"):
        encode_song(song_from_audio(np.zeros(2 * RATE, np.float32), RATE), _Short())


def test_encoders_are_plug_ins() -> None:
    assert "spectral" in plugins.names("music")
    with pytest.raises(UsageError, match="spectral"):
        load_encoder("spectrall")
