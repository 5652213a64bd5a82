from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MusicTrack
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.music import beat_source, read_beats
from tests.motion.samples import wandering_clip
from tests.stages.generate.songs import song


def dance(name: str, beats: list[float] | None = None) -> Dance:
    clip = replace(wandering_clip(30, joints=22), clip_id=name)
    if beats is not None:
        clip = replace(clip, music=MusicTrack(beats=np.array(beats)))
    return Dance(name, clip=clip)


def test_beats_of_the_clip() -> None:
    found = beat_source("")(dance("a", [0.5, 1.0]))
    assert found is not None and found.source == "clip" and found.seconds.tolist() == [0.5, 1.0]
    assert beat_source("")(dance("a")) is None
    assert beat_source("")(dance("a", [])) is None


def test_files_of_beats(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0.5\n\n1.25 downbeat\n")
    np.save(tmp_path / "b.npy", np.array([0.25, 0.75]))
    features = np.zeros((90, 55))
    features[[15, 45], 53] = 1
    np.save(tmp_path / "c.npy", features)
    np.save(tmp_path / "d.npy", features[:, [*range(34), 53]])
    (tmp_path / "e.json").write_text(json.dumps({"music_array": features.tolist()}))
    assert read_beats(tmp_path / "a.txt").seconds.tolist() == [0.5, 1.25]
    assert read_beats(tmp_path / "b.npy").seconds.tolist() == [0.25, 0.75]
    for name in ("c.npy", "d.npy"):
        np.testing.assert_allclose(read_beats(tmp_path / name).seconds, [0.5, 1.5])
    np.testing.assert_allclose(read_beats(tmp_path / "e.json").seconds, [0.25, 0.75])
    assert read_beats(tmp_path / "c.npy").source == "c.npy: column 53 of 55"


def test_a_song_is_tracked(tmp_path: Path) -> None:
    found = read_beats(song(tmp_path / "clicks.wav", 8.0))
    assert len(found.seconds) > 8 and np.ptp(np.diff(found.seconds)) < 0.1


def test_a_folder_is_matched_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, beat in (("mBR0", 0.1), ("BR0", 0.2), ("012", 0.3), ("take.one", 0.4)):
        (tmp_path / f"{name}.txt").write_text(str(beat))
    source = beat_source(str(tmp_path))

    def beat(name: str) -> float | None:
        found = source(dance(name))
        return None if found is None else float(found.seconds[0])

    assert beat("012") == 0.3
    assert beat("gBR_sBM_cAll_d04_mBR0_ch01") == 0.1  # a whole word, not the BR0 within it
    assert beat("test_012_3") == 0.3
    assert beat("0123") is None and "no file" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "la la", "expected one beat a line"),
        ("a.txt", "-1", "negative"),
        ("a.json", "{}", "music_array"),
        ("a.json", "[", "music_array"),
        ("a.wav", "la la", "not a sound"),
    ],
)
def test_what_is_no_music(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=message):
        read_beats(tmp_path / name)


def test_missing_music(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        beat_source(str(tmp_path / "none"))
    with pytest.raises(BadInput, match="empty"):
        beat_source(str(tmp_path))
    np.save(tmp_path / "x.npy", np.zeros((10, 7)))
    with pytest.raises(BadInput, match=r"\(10, 7\)"):
        read_beats(tmp_path / "x.npy")
