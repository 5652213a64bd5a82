from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.stages.render.config import RenderConfig, SheetConfig
from infinitedance_cli.stages.render.destination import Destination, Kind, find_destination
from infinitedance_cli.stages.render.outputs.sheet import pose_frames
from infinitedance_cli.stages.render.outputs.video import choose_soundtrack, layout
from infinitedance_cli.stages.render.stage import render
from infinitedance_cli.stages.render.take import prepare
from tests.stages.render.scenes import read_video, standing_clip, walking_clip, with_song, write_clicks

SMALL = (128, 96)


def draw(clips: list[Any], output: Path, *, force: bool = False, **settings: Any) -> int:
    config = RenderConfig(size=SMALL, **settings)
    target = str(output) + ("/" if not output.suffix else "")
    return render(clips, find_destination(target, config, force=force), config, [output.parent])


def test_picture_and_sound_start_together_and_last_as_long(needs_drawing: None, tmp_path: Path) -> None:
    song = write_clicks(tmp_path / "song.wav", (1.0, 2.0))
    clip = with_song(standing_clip(60), song, start=0.5)
    assert draw([clip], tmp_path / "out.mp4") == 1
    times, pictures, sound = read_video(tmp_path / "out.mp4")
    np.testing.assert_allclose(times, np.arange(60) / 30, atol=1e-3)
    assert pictures[0].shape == (96, 128, 3)
    assert sound is not None
    assert sound.shape[1] / 48_000 == pytest.approx(2.0, abs=0.022)  # AAC ends on whole blocks of 1024
    for expected in (0.5, 1.5):
        part = np.abs(sound[0, round((expected - 0.2) * 48_000) : round((expected + 0.2) * 48_000)])
        assert expected - 0.2 + part.argmax() / 48_000 == pytest.approx(expected, abs=0.002)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "song.wav"]


def test_frame_rate_and_silence(needs_drawing: None, tmp_path: Path) -> None:
    draw([standing_clip(31)], tmp_path / "out.mkv", fps=12.5, music="none")
    times, _, sound = read_video(tmp_path / "out.mkv")
    np.testing.assert_allclose(times, np.arange(13) / 12.5, atol=1e-3)
    assert sound is None


def test_clips_become_numbered_files(needs_drawing: None, tmp_path: Path) -> None:
    assert draw([standing_clip(2), standing_clip(3), standing_clip(4)], tmp_path / "out.mp4") == 3
    assert [len(read_video(path)[0]) for path in sorted(tmp_path.iterdir())] == [2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out_00.mp4", "out_01.mp4", "out_02.mp4"]
    with pytest.raises(UsageError, match="out_00.mp4: exists already"):
        draw([standing_clip(2), standing_clip(3)], tmp_path / "out.mp4")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_grid_shows_the_shorter_clip_to_the_end_of_the_longer(needs_drawing: None, tmp_path: Path) -> None:
    assert draw([standing_clip(3), walking_clip(9, speed=5.0)], tmp_path / "grid.mp4", grid=True, labels=False) == 2
    times, pictures, _ = read_video(tmp_path / "grid.mp4")
    assert len(times) == 9
    change = np.abs(pictures[8].astype(int) - pictures[4]).max(axis=(0, 2))
    assert change[:60].max() < 12 and change[68:].max() > 40


def test_a_label_is_drawn_where_takes_are_compared(needs_drawing: None, tmp_path: Path) -> None:
    for name, labels in (("with", None), ("without", False)):
        draw([standing_clip(1)], tmp_path / f"{name}.mp4", grid=True, labels=labels, trail=False)
    one, other = (read_video(tmp_path / f"{name}.mp4")[1][0].astype(int) for name in ("with", "without"))
    difference = np.abs(one - other).max(axis=-1)
    assert difference[10:26, 12:70].max() > 80 and difference[50:].mean() < 3


def test_one_song_of_several_is_heard(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    songs = [write_clicks(tmp_path / name, (0.1,), 1.0) for name in ("a.wav", "b.wav")]
    clips = [standing_clip(1), *(with_song(standing_clip(1, clip_id=song.stem), song) for song in songs)]
    track = choose_soundtrack(clips, RenderConfig(), [])
    assert track is not None and track.path == songs[0]
    assert "2 different songs; that of a is heard" in caplog.text


@pytest.mark.parametrize(
    ("count", "size", "expected"), [(1, (1280, 720), (1, 1)), (2, (1280, 720), (2, 1)), (4, (720, 720), (2, 2))]
)
def test_layout(count: int, size: tuple[int, int], expected: tuple[int, int]) -> None:
    cells = layout(count, *size)
    assert len(cells) == count
    assert (len({cell.left for cell in cells}), len({cell.top for cell in cells})) == expected


def test_layout_fills_the_picture_without_overlap() -> None:
    for count in range(1, 12):
        seen = np.zeros((99, 157), int)
        for cell in layout(count, 157, 99):
            seen[cell.top : cell.top + cell.height, cell.left : cell.left + cell.width] += 1
        assert seen.max() == 1
        assert seen.mean() > 0.7


def test_the_sheet_has_one_pose_a_beat(needs_drawing: None, tmp_path: Path) -> None:
    beats = tuple(0.1 + 0.5 * beat for beat in range(9))
    clip = with_song(standing_clip(100), "song.wav", beats=beats)  # 3.33 s hold seven of them
    config = RenderConfig()
    np.testing.assert_array_equal(pose_frames(prepare(clip, config, 1.0)), [3, 18, 33, 48, 63, 78, 93])
    draw([clip, standing_clip(2)], tmp_path / "sheet.png", sheet=SheetConfig(columns=4, panel=(60, 80)))
    from PIL import Image

    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (4 + 4 * 64, (36 + 2 * 84) + (36 + 84))


def test_without_beats_the_sheet_goes_by_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    take = prepare(standing_clip(40), RenderConfig(), 1.0)
    np.testing.assert_array_equal(pose_frames(take), [0, 15, 30])
    assert "beats are unknown" in caplog.text


@pytest.mark.parametrize("control", ["dwpose", "depth", "normal", "densepose-like"])
def test_control_pictures_are_numbered_png_files(needs_drawing: None, tmp_path: Path, control: str) -> None:
    from PIL import Image

    assert draw([standing_clip(3)], tmp_path / "poses", control=control) == 1
    names = sorted(path.name for path in (tmp_path / "poses").iterdir())
    assert names == ["00000.png", "00001.png", "00002.png"]
    with Image.open(tmp_path / "poses" / "00002.png") as picture:
        assert picture.size == SMALL and picture.mode == "RGB"
    assert [path.name for path in tmp_path.iterdir()] == ["poses"]


def test_control_as_video_and_of_several_clips(needs_drawing: None, tmp_path: Path) -> None:
    draw([standing_clip(4)], tmp_path / "depth.mp4", control="depth", music="none")
    assert len(read_video(tmp_path / "depth.mp4")[0]) == 4
    assert draw([standing_clip(1), standing_clip(2)], tmp_path / "poses", control="depth") == 2
    assert [len(list((tmp_path / name).iterdir())) for name in ("poses_00", "poses_01")] == [1, 2]


def test_a_folder_is_replaced_only_when_it_is_ours(needs_drawing: None, tmp_path: Path) -> None:
    folder = tmp_path / "poses"
    draw([standing_clip(3)], folder, control="depth")
    with pytest.raises(UsageError, match="not empty"):
        draw([standing_clip(1)], folder, control="depth")
    draw([standing_clip(1)], folder, control="depth", force=True)
    assert len(list(folder.iterdir())) == 1
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="notes.txt, which is no picture of ours"):
        draw([standing_clip(1)], folder, control="depth", force=True)


def test_no_clips_write_nothing(needs_drawing: None, tmp_path: Path) -> None:
    for name, settings in (("a.mp4", {}), ("b.png", {}), ("c", {"control": "depth"}), ("d.mp4", {"grid": True})):
        with pytest.raises(StageFailed, match="no clips to draw"):
            draw([], tmp_path / name, **settings)
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_off_leaves_nothing(needs_drawing: None, tmp_path: Path) -> None:
    def clips() -> Any:
        yield standing_clip(2)
        raise BadInput("the stream is torn")

    for name, settings in (("a.mp4", {}), ("b.png", {}), ("c", {"control": "depth"})):
        with pytest.raises(BadInput, match="torn"):
            draw(clips(), tmp_path / name, **settings)
    assert list(tmp_path.iterdir()) == []


def test_control_needs_a_body(needs_drawing: None, tmp_path: Path) -> None:
    clip = replace(standing_clip(1, joints=22), clip_id="bare")
    with pytest.raises(BadInput, match="clip bare: --control needs a body"):
        draw([clip], tmp_path / "a.mp4", control="depth", style="skeleton")


@pytest.mark.parametrize(
    ("output", "settings", "message"),
    [
        ("x.gif", {}, "expected a video"),
        ("x", {}, "expected a video"),
        ("x.png", {"control": "depth"}, "--control writes a video"),
        ("-", {}, "not written to standard output"),
        ("none/x.mp4", {}, "there is no folder"),
        ("none/x/", {"control": "depth"}, "there is no folder"),
        ("x.mp4", {"size": (101, 100)}, "even width and height"),
        ("x.png", {"grid": True}, "--grid is for videos"),
        ("there.mp4", {}, "exists already"),
        ("there.mp4/", {"control": "depth"}, "exists already|is a file"),
    ],
)
def test_outputs_that_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, settings: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.mp4").write_bytes(b"")
    with pytest.raises(UsageError, match=message):
        find_destination(output, RenderConfig(**settings), force=False)


def test_kinds_of_output(tmp_path: Path) -> None:
    def kind(name: str, **settings: Any) -> Kind:
        found = find_destination(str(tmp_path / name) + "/" * name.endswith("/"), RenderConfig(**settings), force=False)
        assert isinstance(found, Destination)
        return found.kind

    assert kind("a.MP4") is Kind.VIDEO
    assert kind("a.png") is Kind.SHEET
    assert kind("a.mov", control="depth") is Kind.CONTROL_VIDEO
    assert kind("a/", control="depth") is kind("a", control="dwpose") is Kind.CONTROL_FOLDER
