"""Which takes of a folder are shown: those that are whole, as they are now."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.viewer.folder import TakeFolder
from infinitedance_cli.stages.render.viewer.pack import pack_take
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.ports import write_clips
from tests.stages.render.dances import make_dance, write_clicks


def names(takes: TakeFolder) -> list[str]:
    takes.scan()
    return [entry["name"] for entry in takes.entries]


def test_files_come_and_go(tmp_path: Path) -> None:
    takes = TakeFolder(tmp_path, RenderConfig(music="none"))
    assert names(takes) == []
    write_clips([make_dance("b")], str(tmp_path / "b.h5"))
    write_clips([make_dance("a")], str(tmp_path / "a.bvh"))
    assert names(takes) == ["a", "b"]
    version = takes.version
    assert names(takes) == ["a", "b"]
    assert takes.version == version
    (tmp_path / "a.bvh").unlink()
    assert names(takes) == ["b"]
    assert takes.version > version


def test_half_a_file_waits_until_it_is_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    takes = TakeFolder(tmp_path, RenderConfig(music="none"))
    image = encode(make_dance("late"))
    for part in (0, 40, len(image) // 2, len(image) - 1):
        (tmp_path / "late.h5").write_bytes(image[:part])
        assert names(takes) == []
    assert caplog.text == ""
    (tmp_path / "late.h5").write_bytes(image)
    assert names(takes) == ["late"]


def test_a_file_that_stays_broken_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    takes = TakeFolder(tmp_path, RenderConfig(music="none"))
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "notes.txt").write_text("not motion")
    (tmp_path / ".take.h5.123.part").write_bytes(b"half")
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            assert names(takes) == []
    assert [record.getMessage().count("broken.h5") for record in caplog.records] == [1]


def test_a_file_written_anew_is_a_new_take(tmp_path: Path) -> None:
    takes = TakeFolder(tmp_path, RenderConfig(music="none"))
    path = str(tmp_path / "take.h5")
    write_clips([make_dance("first")], path)
    assert names(takes) == ["take"]
    (old,) = takes.entries
    write_clips([make_dance("second", seconds=2)], path, force=True)
    takes.scan()
    (new,) = takes.entries
    assert (new["id"], new["frames"]) == ("second", 60)
    assert new["key"] != old["key"]
    assert takes.pack(new["key"]) == pack_take(make_dance("second", seconds=2))
    with pytest.raises(KeyError):
        takes.pack(old["key"])


def test_clips_of_one_file_are_numbered(tmp_path: Path) -> None:
    takes = TakeFolder(tmp_path, RenderConfig(music="none"))
    clips = [make_dance("x"), make_dance("y", seconds=1)]
    write_clips(clips, str(tmp_path / "two.h5"))
    assert names(takes) == ["two 0", "two 1"]
    assert [takes.pack(entry["key"]) for entry in takes.entries] == [pack_take(clip) for clip in clips]


def test_a_pack_of_a_file_that_lost_its_clip_is_an_error(tmp_path: Path) -> None:
    takes = TakeFolder(tmp_path, RenderConfig(music="none"))
    write_clips([make_dance("x"), make_dance("y")], str(tmp_path / "two.h5"))
    takes.scan()
    write_clips([make_dance("x")], str(tmp_path / "two.h5"), force=True)
    with pytest.raises(BadInput, match="no clip 2 any more"):
        takes.pack(takes.entries[1]["key"])


def test_songs_are_found_beside_the_takes(tmp_path: Path) -> None:
    song = write_clicks(tmp_path / "song.wav")
    clip = make_dance(song=song)
    (tmp_path / "takes").mkdir()
    write_clips([clip], str(tmp_path / "takes" / "take.h5"))
    song.rename(tmp_path / "takes" / "song.wav")
    takes = TakeFolder(tmp_path / "takes", RenderConfig())
    takes.scan()
    (entry,) = takes.entries
    assert (entry["song"]["name"], entry["song"]["duration"]) == ("song.wav", 4.0)
    assert takes.song(entry["song"]["key"]).samples == 4 * 48_000
