"""The default backend with landmarks whose truth is known in place of what the networks read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.annotations import array_of, camera_of, captured
from infinitedance_cli.stages.capture.backends import _blazepose
from infinitedance_cli.stages.capture.config import CaptureConfig, ShotsConfig
from infinitedance_cli.stages.capture.landmarks.records import Detection, PersonLandmarks
from infinitedance_cli.stages.capture.quality import quality_figures
from infinitedance_cli.stages.capture.track import PersonTrack
from infinitedance_cli.stages.capture.video import TimedPicture
from tests.stages.capture.fitting.synthetic import View, dance, track_of
from tests.stages.capture.test_shots import scene

FRAMES, CUT = 90, 45
SCALE = 0.2
_PIXELS = ("box", "body_image", "hand_image", "face_image")


class KnownLandmarks:
    """Reads the frame's number out of the first pixel and gives that row of a track, in the picture's pixels."""

    def __init__(self, track: PersonTrack) -> None:
        self._track = track

    def _row(self, pixels: np.ndarray) -> PersonLandmarks:
        frame = int(pixels[0, 0, 0])
        values: dict[str, Any] = {
            item.name: getattr(self._track, item.name)[frame] * (SCALE if item.name in _PIXELS else 1)
            for item in fields(PersonLandmarks)
        }
        return PersonLandmarks(**values)

    def detect(self, pixels: np.ndarray) -> tuple[Detection, ...]:
        return (Detection(self._row(pixels).box, 0.9),)

    def begin(self, pixels: np.ndarray, where: Any) -> tuple[Callable[[], PersonLandmarks], Any]:
        row = self._row(pixels)
        return lambda: row, where


def pictures() -> Iterator[TimedPicture]:
    """Two views of a room, the second from frame 45 on; 1280 × 720 as stored."""
    for frame in range(FRAMES):
        pixels = scene(1 if frame < CUT else 2)
        pixels[0, 0] = frame
        yield TimedPicture(frame / 30, pixels, SCALE)


@pytest.fixture(scope="module")
def truth() -> MotionClip:
    return dance(FRAMES)


@pytest.fixture(scope="module")
def clips(truth: MotionClip) -> list[MotionClip]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_blazepose, "LandmarkReader", lambda **options: KnownLandmarks(track_of(truth, View())))
        config = CaptureConfig(shots=ShotsConfig(shortest_s=1.0), focal_px=1100.0)
        return list(_blazepose.BlazePose(config).follow(pictures(), config))


def test_each_shot_is_a_clip_that_knows_where_it_begins(clips: list[MotionClip]) -> None:
    groups = [captured(clip).attributes for clip in clips]
    assert [clip.frames for clip in clips] == [CUT, FRAMES - CUT]
    assert [(group["shot"], group["first_frame"], group["person"]) for group in groups] == [(0, 0, 1), (1, CUT, 1)]
    assert all(clip.fps == 30 and clip.skeleton.joint_count == 55 for clip in clips)


def test_what_was_seen_is_kept_in_the_stored_pictures_pixels(clips: list[MotionClip], truth: MotionClip) -> None:
    track = track_of(truth, View())
    for clip, first in zip(clips, (0, CUT), strict=True):
        points, boxes = array_of(captured(clip), "keypoints2d"), array_of(captured(clip), "bbox")
        assert points is not None and points.shape == (clip.frames, 75, 3) and boxes is not None
        rows = slice(first, first + clip.frames)
        np.testing.assert_allclose(points[:, :33, :2], track.body_image[rows], atol=0.01)
        np.testing.assert_allclose(boxes, track.box[rows], atol=0.01)
        assert (points[:, :33, 2] == 1).all() and (points[:, 33:, 2] == 0).all()


def test_the_body_moves_as_the_dancer_and_the_camera_sees_it_there(clips: list[MotionClip], truth: MotionClip) -> None:
    for clip, first in zip(clips, (0, CUT), strict=True):
        found, real = clip.joint_positions()[:, :22], truth.joint_positions()[first : first + clip.frames, :22]
        apart = np.linalg.norm((found - found[:, :1]) - (real - real[:, :1]), axis=-1)
        assert apart.mean() < 0.05
        camera = camera_of(clip)
        assert camera is not None and camera.focal_px == pytest.approx(1100)
        pixels = camera.project(found.astype(np.float64))
        seen = track_of(truth, View()).body_image[first : first + clip.frames]
        assert np.linalg.norm(pixels[:, [7, 8]] - seen[:, [27, 28]], axis=-1).mean() < 8
        figures = {**captured(clip).attributes, **quality_figures(clip)}
        assert figures["reprojection_px"] < 6 and figures["visible_share"] == 1.0  # type: ignore[operator]
        assert figures["upside_down_share"] == 0 and figures["hands_share"] == 0
        assert figures["foot_slide_cm_s"] < 5  # type: ignore[operator]


def test_what_is_not_wanted_is_left_out(truth: MotionClip) -> None:
    track = track_of(truth, View())
    bare = _blazepose._wanted(track, CaptureConfig(hands=False, face=False))
    assert np.isnan(bare.hand_image).all() and np.isnan(bare.face_image).all()
    np.testing.assert_array_equal(bare.body_image, track.body_image)
