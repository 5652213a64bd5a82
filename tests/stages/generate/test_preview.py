from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.generate.preview import check_preview, previewed
from infinitedance_cli.stream.ports import read_clips
from tests.stream.clips import small_clip

_COPY = "import sys; sys.argv.index('render'); open(sys.argv[-1], 'wb').write(sys.stdin.buffer.read())"
_FAIL = "import sys; sys.exit(4)"


def replace_interpreter(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let what should run `python -m infinitedance_cli …` run `code` with the arguments after that instead."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nshift 2\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


def test_every_clip_passes_and_reaches_the_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_interpreter(tmp_path, monkeypatch, _COPY)
    clips = [small_clip("a"), small_clip("b", seed=1)]
    target = tmp_path / "seen.h5"
    with previewed(clips, str(target), force=False) as passed:
        assert [clip.clip_id for clip in passed] == ["a", "b"]
    assert [clip.clip_id for clip in read_clips([str(target)])] == ["a", "b"]


def test_a_failed_drawing_is_told_after_the_dance_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_interpreter(tmp_path, monkeypatch, _FAIL)
    passed: list[MotionClip] = []
    with pytest.raises(StageFailed, match="could not be drawn, see above; the dance itself is written"):
        with previewed([small_clip(frames=4000) for _ in range(3)], str(tmp_path / "a.mp4"), force=False) as clips:
            passed += clips
    assert len(passed) == 3


def test_a_failed_dance_ends_the_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_interpreter(tmp_path, monkeypatch, _COPY)

    def torn() -> Iterator[MotionClip]:
        yield small_clip()
        raise BadInput("torn")

    with pytest.raises(BadInput, match="torn"), previewed(torn(), str(tmp_path / "a.mp4"), force=False) as clips:
        list(clips)


def test_no_preview_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere")
    with previewed([small_clip("a")], None, force=False) as clips:
        assert [clip.clip_id for clip in clips] == ["a"]


def test_a_preview_that_cannot_be_drawn_is_refused_first(tmp_path: Path) -> None:
    (tmp_path / "there.mp4").touch()
    for name, message in (("a.gif", "ends in .mp4"), ("there.mp4", "exists already"), ("none/a.mp4", "no folder")):
        with pytest.raises(UsageError, match=message):
            check_preview(str(tmp_path / name), force=False)
    check_preview(str(tmp_path / "there.mp4"), force=True)
