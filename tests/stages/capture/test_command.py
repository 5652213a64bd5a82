from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.motion.clip import Dataset, Group, MotionClip
from infinitedance_cli.stages.capture.annotations import captured
from infinitedance_cli.stages.capture.backend import load_backend
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.stage import Outcome, capture
from infinitedance_cli.stream.codec import decode, encode
from infinitedance_cli.stream.ports import read_clips
from tests.conftest import RunIdance
from tests.stages.capture.conftest import MakeVideo
from tests.stages.conftest import Idance

SQUARE = ("--backend", "square", "--set", "beats=false")


def clips_of(path: Path) -> list[MotionClip]:
    return list(read_clips([str(path)]))


def test_a_video_becomes_a_clip_with_all_that_is_known_of_it(
    tmp_path: Path, make_video: MakeVideo, idance: Idance
) -> None:
    video = make_video(seconds=4.0, fps=25.0)
    result = idance(
        *("capture", video, "-o", tmp_path / "dance.h5", "--backend", "square", "--genre", "popping"),
        *("--license", "CC BY 4.0", "--source", "https://example.org/dance"),
    )
    assert result.code == 0, result.lines
    (clip,) = clips_of(tmp_path / "dance.h5")
    assert (clip.clip_id, clip.fps, clip.frames) == ("dance", 30.0, 119)
    expected = 0.01 * (47.5 + 24 * np.sin(3 * np.arange(119) / 30))
    assert np.abs(clip.root_position[:, 0] - expected).max() < 0.01, "not where the square was at 30 a second"
    seen = captured(clip).attributes
    digest = hashlib.sha256(video.read_bytes()).hexdigest()
    assert (seen["source"], seen["license"]) == ("https://example.org/dance", "CC BY 4.0")
    assert (seen["video_sha256"], seen["width"], seen["height"]) == (digest, 96, 48)
    assert seen["video_fps"] == pytest.approx(25, rel=0.01)
    assert seen["visible_share"] == 1.0 and seen["filled_frames"] == 0 and seen["jitter_m_s3"] > 0  # type: ignore[operator]
    assert clip.labels is not None and clip.labels.genre == "popping"
    assert clip.music is not None and (clip.music.path, clip.music.sha256) == (str(video), digest)
    assert np.abs(clip.music.beats[:, None] - np.arange(0.25, 4, 0.5)).min(axis=1).max() < 0.05
    record = clip.provenance[-1]
    assert record["stage"] == "capture" and record["input_sha256"] == digest and record["music_start_s"] == 0


def test_what_was_seen_survives_the_pipe_and_other_stages(
    make_video: MakeVideo, idance: Idance, tmp_path: Path
) -> None:
    assert idance("capture", make_video(), "-o", tmp_path / "a.h5", *SQUARE, "--genre", "locking").code == 0
    assert idance("convert", tmp_path / "a.h5", "-o", tmp_path / "b.h5", "--fps", "60", "--joints", "22").code == 0
    (first,), (second,) = clips_of(tmp_path / "a.h5"), clips_of(tmp_path / "b.h5")
    again = decode(encode(second))
    for clip in (second, again):
        assert captured(clip).attributes == captured(first).attributes
        for name in ("bbox", "confidence"):
            one, two = captured(first).members[name], captured(clip).members[name]
            assert isinstance(one, Dataset) and isinstance(two, Dataset)
            np.testing.assert_array_equal(one.values, two.values)
        camera = captured(clip).members["camera"]
        assert isinstance(camera, Group) and camera.attributes["focal_px"] == 500
        assert clip.labels is not None and clip.labels.genre == "locking" and clip.music is not None


def test_a_backend_that_wants_files_gets_upright_shots_at_30_a_second(
    make_video: MakeVideo, idance: Idance, tmp_path: Path
) -> None:
    video = make_video(fps=50.0)
    for backend in ("square", "file"):
        path = tmp_path / f"{backend}.h5"
        assert idance("capture", video, "-o", path, "--backend", backend, "--set", "beats=false").code == 0
    (one,), (other,) = clips_of(tmp_path / "square.h5"), clips_of(tmp_path / "file.h5")
    assert abs(one.frames - other.frames) <= 1
    frames = min(one.frames, other.frames)
    assert np.abs(one.root_position[:frames, 0] - other.root_position[:frames, 0]).max() < 0.02


def test_a_batch_goes_on_after_bad_videos_and_is_not_done_twice(
    make_video: MakeVideo, idance: Idance, tmp_path: Path
) -> None:
    for name, phase in (("in/a.mp4", 0.0), ("in/b.mp4", 1.0)):
        make_video(name, phase=phase)
    make_video("in/nobody.mp4", absent=True)
    (tmp_path / "in" / "text.mp4").write_text("no video")
    output = tmp_path / "out"
    result = idance("capture", tmp_path / "in", "-o", f"{output}/", *SQUARE)
    assert result.code == 5
    assert "2 of 4 videos" in result.lines[-1] and "nobody.mp4" in result.lines[-1] and "text.mp4" in result.lines[-1]
    assert sorted(path.name for path in output.glob("*.h5")) == ["a.h5", "b.h5"]
    before = {path.name: path.stat().st_mtime_ns for path in output.glob("*.h5")}
    make_video("in/c.mp4", phase=2.0)
    result = idance("capture", tmp_path / "in", "-o", output, *SQUARE)
    assert result.code == 5 and sum("done already" in line for line in result.lines) == 2
    after = {path.name: path.stat().st_mtime_ns for path in output.glob("*.h5")}
    assert set(after) == {"a.h5", "b.h5", "c.h5"} and all(after[name] == time for name, time in before.items())


def test_videos_of_one_name_get_files_of_their_own(make_video: MakeVideo, idance: Idance, tmp_path: Path) -> None:
    for name, phase in (("one/a.mp4", 0.0), ("two/a.mp4", 1.0)):
        make_video(name, phase=phase)
    for _ in range(2):
        assert idance("capture", tmp_path / "one", tmp_path / "two", "-o", f"{tmp_path / 'out'}/", *SQUARE).code == 0
        names = sorted(path.name for path in (tmp_path / "out").glob("*.h5"))
        assert len(names) == 2 and names[1] == "a.h5" and names[0].startswith("a-")


def test_one_file_is_completed_and_others_are_refused(make_video: MakeVideo, idance: Idance, tmp_path: Path) -> None:
    a, b = make_video("a.mp4"), make_video("b.mp4", phase=1.0)
    output = tmp_path / "set.h5"
    assert idance("capture", a, "-o", output, *SQUARE).code == 0
    assert idance("capture", a, b, "-o", output, *SQUARE).code == 0
    assert [clip.clip_id for clip in clips_of(output)] == ["a", "b"]
    written = output.stat().st_mtime_ns
    result = idance("capture", a, b, "-o", output, *SQUARE)
    assert result.code == 0 and "holds all clips already" in result.lines[-1]
    assert output.stat().st_mtime_ns == written
    result = idance("capture", b, "-o", output, *SQUARE)
    assert result.code == 2 and "exists already" in result.lines[-1]
    assert idance("capture", b, "-o", output, *SQUARE, "--force").code == 0
    assert [clip.clip_id for clip in clips_of(output)] == ["b"]


def test_a_list_names_videos_beside_it(make_video: MakeVideo, idance: Idance, tmp_path: Path) -> None:
    make_video("in/a.mp4")
    make_video("in/b.mp4", phase=1.0)
    (tmp_path / "in" / "list.txt").write_text("# two\nb.mp4\n\na.mp4\n")
    assert idance("capture", tmp_path / "in" / "list.txt", "-o", tmp_path / "set.h5", *SQUARE).code == 0
    assert [clip.clip_id for clip in clips_of(tmp_path / "set.h5")] == ["b", "a"]


def test_a_failure_in_the_middle_of_a_video_leaves_no_half_file(
    make_video: MakeVideo, idance: Idance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.stages.capture.conftest import SquareBackend

    make_video("in/a.mp4")
    make_video("in/b.mp4", phase=1.0)
    follow = SquareBackend.follow
    calls: list[int] = []

    def fails_once(self: SquareBackend, *arguments: object) -> object:
        calls.append(1)
        yield from follow(self, *arguments)  # type: ignore[arg-type]
        if len(calls) == 1:
            raise StageFailed("the second person made it fail")

    monkeypatch.setattr(SquareBackend, "follow", fails_once)
    result = idance("capture", tmp_path / "in", "-o", f"{tmp_path / 'out'}/", *SQUARE)
    assert result.code == 5 and [path.name for path in (tmp_path / "out").glob("*.h5")] == ["b.h5"]
    assert idance("capture", tmp_path / "in", "-o", tmp_path / "out", *SQUARE).code == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.h5")) == ["a.h5", "b.h5"]


def test_clips_come_one_by_one(make_video: MakeVideo) -> None:
    videos = [str(make_video(f"{phase}.mp4", phase=phase)) for phase in (0.0, 1.0)]
    config, outcome = CaptureConfig(backend="square", beats=False), Outcome()
    clips = capture(videos, load_backend(config), config, outcome)
    assert next(clips).clip_id == "0.0" and outcome.videos == 1
    assert [clip.clip_id for clip in clips] == ["1.0"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"this is no video", "not a sound or video file"), (b"", "the file is empty")],
)
def test_what_is_no_video_ends_with_3(content: bytes, message: str, idance: Idance, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(content)
    result = idance("capture", tmp_path / "v.mp4", "-o", tmp_path / "out.h5", *SQUARE)
    assert result.code == 3 and message in result.lines[-1] and len(result.lines) == 1
    assert not (tmp_path / "out.h5").exists()


def test_nobody_in_sight_ends_with_5(make_video: MakeVideo, idance: Idance, tmp_path: Path) -> None:
    for backend in ("square", "file"):
        video = make_video(absent=True)
        result = idance("capture", video, "-o", tmp_path / "out.h5", "--backend", backend)
        assert result.code == 5 and f"{video}: no person was found" in result.lines[-1]
        assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["v.mp4", "-o", "out.xyz"], "no motion format writes"),
        (["v.mp4", "-o", "out.h5", "--person", "second"], "expected largest, center, all, or a number"),
        (["v.mp4", "-o", "out.h5", "--backend", "nothing"], "no capture plug-in 'nothing'"),
        (["v.mp4", "-o", "out.h5", "--backend", "a+b+c"], "expected one name, or two"),
        (["v.mp4", "-o", "out.h5", "--preview", "out.gif"], "ends in .mp4"),
        (["v.mp4", "v2.mp4", "-o", "out.h5", "--preview", "p.mp4"], "draws one video file, not 2 videos"),
        (["-o", "out.h5", "--webcam", "a", "b"], "2 cameras were named"),
        (["v.mp4", "-o", "missing/folder/"], "there is no folder"),
    ],
)
def test_a_wrong_command_line_ends_with_2(
    arguments: list[str],
    message: str,
    make_video: MakeVideo,
    idance: Idance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_video("v.mp4", seconds=0.2)
    make_video("v2.mp4", seconds=0.2)
    monkeypatch.chdir(tmp_path)
    extra = [] if "--backend" in arguments else list(SQUARE)
    result = idance("capture", *arguments, *extra)
    assert result.code == 2 and message in result.lines[-1], result.lines


def test_missing_things_are_named(idance: Idance, tmp_path: Path) -> None:
    result = idance("capture", tmp_path / "gone.mp4", "-o", tmp_path / "out.h5", *SQUARE)
    assert result.code == 3 and "gone.mp4: no such file" in result.lines[-1]
    (tmp_path / "empty").mkdir()
    result = idance("capture", tmp_path / "empty", "-o", tmp_path / "out.h5", *SQUARE)
    assert result.code == 3 and "no videos in this folder" in result.lines[-1]
    result = idance("capture", "--webcam", "/dev/video77", "-o", tmp_path / "out.h5", *SQUARE)
    assert result.code == 4 and "there is no camera /dev/video77" in result.lines[-1]


def test_nothing_on_standard_input_ends_with_3(run_idance: RunIdance, tmp_path: Path) -> None:
    result = run_idance("capture", "-", "-o", tmp_path / "out.h5", stdin=None, input=b"")
    assert result.returncode in (3, 4), result.stderr  # 4 where LiteRT's models are not at hand
    assert not (tmp_path / "out.h5").exists()
