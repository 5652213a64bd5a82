from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from infinitedance_cli.music.decode import stream_audio
from infinitedance_cli.stages.capture import preview
from infinitedance_cli.stages.capture.annotations import CameraPose, capture_group
from infinitedance_cli.stages.capture.backend import CAPTURE
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.overlay import Overlay
from infinitedance_cli.stages.capture.prepared import every_frame
from infinitedance_cli.stages.capture.soundtrack import write_with_sound
from infinitedance_cli.stages.capture.video import TimedPicture, open_video
from infinitedance_cli.testing import example_clip
from tests.stages.capture.conftest import MakeVideo


def test_marks_lie_where_the_joints_are_seen() -> None:
    """A camera 4 m before the dancer, level with the pelvis, sees the pelvis in the middle of the picture."""
    clip = example_clip(5)
    turn = np.diag([1.0, -1.0, -1.0])
    pelvis = clip.root_position[0].astype(np.float64)
    camera = CameraPose(200.0, np.array([160.0, 120.0]), turn[None], (-(turn @ (pelvis + [0, 0, 4.0])))[None])
    assert camera.project(clip.joint_positions())[0, 0] == pytest.approx([160, 120])
    clip = replace(clip, extra={CAPTURE: capture_group(first_frame=10, camera=camera)})
    picture = np.zeros((240, 320, 3), np.uint8)
    overlay = Overlay(clip)
    for frame in (9, 15):
        overlay.draw(picture, frame, 1.0)
    assert not picture.any(), "nothing before and after the clip"
    overlay.draw(picture, 10, 1.0)
    rows = np.flatnonzero(picture.any(axis=(1, 2)))
    assert picture[118:123, 158:163].any()
    height = float(np.ptp(clip.joint_positions()[0, :, 1]))
    assert np.ptp(rows) == pytest.approx(200 * height / 4, abs=6)


def test_every_frame_is_the_picture_that_is_nearest() -> None:
    shown = [
        TimedPicture(time_s, np.full((2, 2, 3), k, np.uint8)) for k, time_s in enumerate((0, 1 / 24, 2 / 24, 3 / 24))
    ]
    assert [int(pixels[0, 0, 0]) for pixels in every_frame(shown)] == [0, 1, 2, 2, 3]


def test_the_sound_of_the_video_is_the_sound_of_the_preview(make_video: MakeVideo, tmp_path: Path) -> None:
    video = make_video(seconds=2.0)
    pictures = (np.zeros((32, 48, 3), np.uint8) for _ in range(60))
    assert write_with_sound(tmp_path / "p.mp4", pictures, video, 0.1) == 60
    sound = np.concatenate(list(stream_audio(str(tmp_path / "p.mp4"), 48_000)))
    with open_video(tmp_path / "p.mp4") as written:
        start_s = written.info.sound_start_s
    assert start_s is not None
    assert np.argmax(np.abs(sound) > 0.3) / 48_000 + start_s == pytest.approx(0.35, abs=0.01)


def test_the_picture_and_the_body_stand_side_by_side(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body's drawing itself is the business of `idance render`; here a grey picture takes its place."""
    clip = replace(example_clip(30), extra={CAPTURE: capture_group(first_frame=15)})
    body = np.full((720, 640, 3), 200, np.uint8)
    monkeypatch.setattr(preview, "_body", lambda clip, path: preview._Body(15, 30, iter([body] * 30)))
    target = tmp_path / "p.mp4"
    preview.draw_preview(make_video(seconds=2.0), [clip], target, CaptureConfig())
    with av.open(str(target)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(container.streams.audio) == 1
    assert len(frames) == 60 and frames[0].shape == (720, 1440 + 640, 3)
    shown = [float(frame[300:400, -300:].mean()) > 150 for frame in frames]
    assert shown == [False] * 15 + [True] * 30 + [False] * 15
