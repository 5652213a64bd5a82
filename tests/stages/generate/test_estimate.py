from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.estimate import DANCING_S, HEARING_S, LOADING_S, announce, estimate_s
from tests.stages.generate.songs import song


def test_every_take_is_danced_but_the_song_is_heard_once() -> None:
    assert estimate_s(100, 3) == pytest.approx(LOADING_S + 100 * HEARING_S + 300 * DANCING_S)


@pytest.mark.parametrize(
    ("settings", "music"),
    [
        ({}, "12 s of music"),
        ({"start": 4.0}, "8 s of music"),
        ({"duration": 5.0, "takes": 2}, "5 s of music, 2 takes;"),
    ],
)
def test_the_part_that_is_danced_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, settings: dict[str, float], music: str
) -> None:
    caplog.set_level(logging.INFO)
    announce(str(song(tmp_path / "song.mp3", 12.0)), GenerateConfig(**settings))  # type: ignore[arg-type]
    (record,) = caplog.records
    assert music in record.getMessage() and "will take about" in record.getMessage()


def test_a_header_without_a_length(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Bare AAC frames say nothing of how many there are, where the stream cannot tell its size."""
    caplog.set_level(logging.INFO)
    stream = io.BytesIO(song(tmp_path / "live.webm", 3.0).read_bytes().replace(b"\x44\x89\x88", b"\xec\x89\x88"))
    announce(stream, GenerateConfig())
    assert "unknown length; expect about" in caplog.text


def test_what_is_no_song_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("la la la")
    with pytest.raises(BadInput, match=r"text\.wav: not a sound"):
        announce(str(tmp_path / "text.wav"), GenerateConfig())
