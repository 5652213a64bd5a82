"""The page as a file: whole, alone, and safe against what clips are called."""

from __future__ import annotations

import base64
import json
import logging
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from infinitedance_cli.errors import StageFailed, UsageError
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.soundtrack import Soundtrack
from infinitedance_cli.stages.render.viewer.page import write_page
from infinitedance_cli.stages.render.viewer.song import encode_song
from tests.stages.conftest import Idance
from tests.stages.render.dances import make_dance, write_clicks


class _Page(HTMLParser):
    """Blocks by id, attributes of all elements, and the title of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.blocks: dict[str, str] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.title = ""
        self._open = ("", "")
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._open = (tag, dict(attrs).get("id") or "")

    def handle_endtag(self, tag: str) -> None:
        self._open = ("", "")

    def handle_data(self, data: str) -> None:
        tag, name = self._open
        if tag == "title":
            self.title += data
        if tag == "script":
            self.blocks[name] = self.blocks.get(name, "") + data

    @property
    def setup(self) -> Any:
        return json.loads(self.blocks["setup"])


def read(path: Path) -> _Page:
    return _Page(path.read_text(encoding="utf-8"))


def test_nothing_is_fetched(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    write_page([make_dance(song=write_clicks(tmp_path / "song.wav"))], out, RenderConfig())
    page = read(out)
    references = [value for _, name, value in page.attributes if name in ("src", "href", "action", "srcset", "data")]
    assert references == ["data:,"]
    assert "import " not in re.sub(r"(?m)^\s*//.*$", "", page.blocks[""])
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy


def test_licences_go_along(tmp_path: Path) -> None:
    write_page([make_dance()], tmp_path / "out.html", RenderConfig(music="none"))
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "The MIT License" in text
    assert "three.js authors" in text
    assert "CC0" in text


def test_takes_of_one_song_share_its_sound(tmp_path: Path) -> None:
    song, other = write_clicks(tmp_path / "song.wav"), write_clicks(tmp_path / "other.wav", every=0.4)
    clips = [make_dance("a", 2, song=song), make_dance("b", 3, song=song), make_dance("c", 2, song=other)]
    assert write_page(clips, tmp_path / "out.html", RenderConfig()) == 3
    page = read(tmp_path / "out.html")
    songs = [take["song"] for take in page.setup["takes"]]
    assert [entry["key"] for entry in songs] == ["song0", "song0", "song1"]
    assert songs[0]["duration"] == 3.0
    assert base64.b64decode(page.blocks["song0"]) == encode_song(Soundtrack(song, 0.0), 3.0).data
    assert {"take0", "take1", "take2"} <= page.blocks.keys()


def test_a_song_that_is_gone_leaves_a_silent_take(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    song = write_clicks(tmp_path / "song.wav")
    clip = make_dance(song=song)
    song.unlink()
    with caplog.at_level(logging.WARNING):
        write_page([clip], tmp_path / "out.html", RenderConfig())
    assert "song.wav is not there" in caplog.text
    assert read(tmp_path / "out.html").setup["takes"][0]["song"] is None


def test_names_of_clips_are_no_markup(tmp_path: Path) -> None:
    name = "</script><img src=x onerror=alert(1)> $title &amp;"
    write_page([make_dance(name)], tmp_path / "out.html", RenderConfig(music="none"))
    page = read(tmp_path / "out.html")
    assert "img" not in page.tags
    assert page.setup["takes"][0]["id"] == name
    assert page.title == name


def test_no_clips_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="no clips"):
        write_page([], tmp_path / "out.html", RenderConfig())
    assert list(tmp_path.iterdir()) == []


def test_a_failing_clip_leaves_no_file_and_the_old_one_stays(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    out.write_text("old")
    with pytest.raises(UsageError, match="exists already"):
        write_page([make_dance()], out, RenderConfig())
    clips = (replace(make_dance(), clip_id=str(1 / number)) for number in (1, 0))
    with pytest.raises(ZeroDivisionError):
        write_page(clips, out, RenderConfig(music="none"), force=True)
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]


def test_the_same_clips_give_the_same_page(tmp_path: Path) -> None:
    song = write_clicks(tmp_path / "song.wav")
    for name in ("a.html", "b.html"):
        write_page([make_dance(song=song)], tmp_path / name, RenderConfig())
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_the_command_writes_a_page(tmp_path: Path, idance: Idance) -> None:
    from infinitedance_cli.stream.ports import write_clips

    write_clips([make_dance("one"), make_dance("two")], str(tmp_path / "takes.h5"))
    out = tmp_path / "out.html"
    ended = idance("render", tmp_path / "takes.h5", "-o", out, "--music", "none")
    assert ended.code == 0
    assert [take["name"] for take in read(out).setup["takes"]] == ["one", "two"]
    assert "2 takes" in ended.lines[-1]


def test_the_command_needs_to_know_where_to_draw(tmp_path: Path, idance: Idance) -> None:
    assert "give -o" in idance("render", "-").lines[-1]
    ended = idance("render", "x.h5", "--live", tmp_path)
    assert ended.code == 2
    assert "leave out the inputs" in ended.lines[-1]
    assert idance("render", "--live", tmp_path / "missing").code == 3
