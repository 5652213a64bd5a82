"""Fits to tracks whose truth is known, and to tracks that show too little."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, StageFailed
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.fitting import Fitted, FittingOptions, fit
from infinitedance_cli.stages.capture.fitting.gaps import cut_track
from infinitedance_cli.stages.capture.fitting.points import BODY_POINTS
from infinitedance_cli.stages.capture.fitting.sides import LEFT, RIGHT
from infinitedance_cli.stages.capture.track import PersonTrack
from tests.stages.capture.fitting.synthetic import View, dance, track_of

VIEW = View()


@pytest.fixture(scope="module")
def truth() -> MotionClip:
    return dance(60)


@pytest.fixture(scope="module")
def fitted(truth: MotionClip) -> Fitted:
    return fit(track_of(truth, VIEW, noise_px=1.5, noise_m=0.015), "dance", FittingOptions(focal_px=VIEW.focal))


@pytest.fixture(scope="module")
def clean(truth: MotionClip) -> Fitted:
    return fit(track_of(truth, VIEW), "clean", FittingOptions(focal_px=VIEW.focal))


def root_aligned_mm(result: Fitted, truth: MotionClip) -> float:
    ours, theirs = (clip.joint_positions()[:, :22].astype(float) for clip in (result.clip, truth))
    apart = (ours - ours[:, :1]) - (theirs - theirs[:, :1])
    return float(1000 * np.linalg.norm(apart, axis=-1).mean())


def test_finds_pose_place_and_camera(fitted: Fitted, truth: MotionClip) -> None:
    assert root_aligned_mm(fitted, truth) < 40
    path = fitted.clip.root_position - fitted.clip.root_position[0]
    assert np.abs(path - (truth.root_position - truth.root_position[0])).max() < 0.08
    forward, right = fitted.camera.rotation[0, 2], fitted.camera.rotation[0, 0]
    assert np.degrees(np.arcsin(-forward[1])) == pytest.approx(VIEW.pitch, abs=4)
    assert abs(right[1]) < np.sin(np.radians(2))
    assert fitted.camera.position[2] == pytest.approx(VIEW.position[2], rel=0.1)


def test_result_is_a_whole_clip_on_the_floor(fitted: Fitted) -> None:
    clip = fitted.clip
    assert clip.skeleton.joint_count == 55 and clip.fps == 30 and clip.frames == 60
    assert np.abs(clip.root_position[0, [0, 2]]).max() < 1e-6
    assert clip.contacts is not None
    feet = clip.joint_positions()[:, [7, 10, 8, 11]]
    rest = clip.skeleton.rest_positions()[[7, 10, 8, 11], 1]
    planted = clip.contacts.planted
    assert planted.mean() > 0.5
    assert np.abs((feet[..., 1] - rest)[planted]).max() < 0.03
    both = planted[1:] & planted[:-1]
    step = np.linalg.norm(np.diff(feet, axis=0)[..., [0, 2]], axis=-1)
    assert np.median(step[both]) * 30 < 0.05  # m/s


def test_bones_do_not_change_length(fitted: Fitted) -> None:
    joints = fitted.clip.joint_positions().astype(float)
    parents = np.array(fitted.clip.skeleton.parents[1:])
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, parents], axis=-1)
    assert np.ptp(lengths, axis=0).max() < 1e-5
    left, right = (fitted.clip.skeleton.index(f"{side}_knee") for side in ("left", "right"))
    assert lengths[0, left - 1] == pytest.approx(lengths[0, right - 1], abs=1e-6)


def test_landmarks_fall_on_the_picture(fitted: Fitted) -> None:
    assert np.nanmean(fitted.reprojection_px[:, BODY_POINTS]) < 6
    pixels = fitted.camera.project(fitted.landmarks)
    seen = track_of(dance(60), VIEW, noise_px=1.5, noise_m=0.015).body_image
    assert np.allclose(np.linalg.norm(pixels - seen, axis=-1), fitted.reprojection_px, atol=1e-6)


def test_known_height_sets_the_size(truth: MotionClip) -> None:
    track = track_of(truth, VIEW, scale=0.8)
    tall, short = (fit(track, "x", FittingOptions(focal_px=VIEW.focal, height_m=height)) for height in (1.9, 1.52))
    lengths = [result.clip.skeleton.rest_positions()[15, 1] for result in (tall, short)]
    assert lengths[0] / lengths[1] == pytest.approx(1.25, rel=0.02)
    assert tall.camera.position[2] / short.camera.position[2] == pytest.approx(1.25, rel=0.04)


def test_fills_a_gap_smoothly(truth: MotionClip, clean: Fitted) -> None:
    track = track_of(truth, VIEW)
    gone = slice(30, 42)
    holes = {name: getattr(track, name).copy() for name in ("body_image", "body_world", "box", "score")}
    for name, values in holes.items():
        values[gone] = 0 if name == "score" else np.nan
    result = fit(replace(track, **holes), "gap", FittingOptions(focal_px=VIEW.focal))
    apart = np.linalg.norm(result.clip.joint_positions()[:, :22] - clean.clip.joint_positions()[:, :22], axis=-1)
    assert apart[gone].mean() < 0.12
    assert np.isnan(result.reprojection_px[gone]).all() and (result.confidence[gone, :22] == 0).all()


def test_mistaken_sides_do_not_matter(truth: MotionClip, fitted: Fitted) -> None:
    track = track_of(truth, VIEW, noise_px=1.5, noise_m=0.015)
    order = np.arange(33)
    order[list(LEFT)], order[list(RIGHT)] = RIGHT, LEFT
    image, world = track.body_image.copy(), track.body_world.copy()
    image[20:35], world[20:35] = image[20:35][:, order], world[20:35][:, order]
    result = fit(replace(track, body_image=image, body_world=world), "x", FittingOptions(focal_px=VIEW.focal))
    apart = np.abs(result.clip.joint_positions()[:, :22] - fitted.clip.joint_positions()[:, :22])
    assert apart.max() < 0.05


def test_turning_camera(truth: MotionClip, clean: Fitted) -> None:
    """A camera that pans by 15 degrees, told by the background's homographies, leaves the path as it is."""
    yaw = np.radians(np.linspace(0, 15, truth.frames))
    turns = rotation.to_matrix(rotation.about_axis("y", yaw))
    matrix = np.array([[VIEW.focal, 0, VIEW.width / 2], [0, VIEW.focal, VIEW.height / 2], [0, 0, 1.0]])
    background = matrix @ turns @ np.linalg.inv(matrix)
    still = track_of(truth, VIEW)
    flat = np.concatenate((still.body_image, np.ones((*still.body_image.shape[:2], 1))), axis=-1)
    moved = flat @ np.swapaxes(background, 1, 2)
    image = moved[..., :2] / moved[..., 2:]
    box = np.concatenate((image.min(axis=1), image.max(axis=1)), axis=1)
    panned = replace(still, body_image=image, box=box)
    options = FittingOptions(focal_px=VIEW.focal, background=background)
    result = fit(panned, "pan", options)
    assert np.abs(result.clip.root_position - clean.clip.root_position).max() < 0.12
    assert np.nanmean(result.reprojection_px[:, BODY_POINTS]) < 6


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(truth: MotionClip, frames: int) -> None:
    track = cut_track(track_of(truth, VIEW), 0, frames)
    result = fit(track, "short", FittingOptions(focal_px=VIEW.focal))
    assert result.clip.frames == frames
    assert np.nanmean(result.reprojection_px[:, BODY_POINTS]) < 6


def upper_body_only(track: PersonTrack) -> PersonTrack:
    """As if the picture ended at the hips: what is below is guessed, badly, outside the picture."""
    visibility = track.body_visibility.copy()
    visibility[:, 25:] = 0.05
    image = track.body_image.copy()
    image[:, 25:] += np.random.default_rng(0).normal(scale=25, size=image[:, 25:].shape)
    return replace(track, height=int(np.nanmax(track.body_image[:, 23:25, 1])) + 5, body_image=image,
                   body_visibility=visibility)  # fmt: skip


def test_only_the_upper_body(truth: MotionClip) -> None:
    result = fit(upper_body_only(track_of(truth, VIEW)), "upper", FittingOptions(focal_px=VIEW.focal))
    assert np.nanmean(result.reprojection_px[:, 11:17]) < 8
    height = result.clip.skeleton.rest_positions()[15, 1]
    assert 1.4 < height < 1.75
    assert result.confidence[:, 7].max() < 0.2 < result.confidence[:, 16].min()


def test_nobody_there(truth: MotionClip) -> None:
    track = track_of(truth, VIEW)
    with pytest.raises(StageFailed, match="none of 60 frames"):
        fit(replace(track, score=np.zeros(60)), "empty")


def test_arrays_that_disagree(truth: MotionClip) -> None:
    track = track_of(truth, VIEW)
    with pytest.raises(BadInput, match=r"body_world has shape \(3, 33, 3\); expected \(60, 33, 3\)"):
        fit(replace(track, body_world=track.body_world[:3]), "bad")
    with pytest.raises(BadInput, match="homographies"):
        fit(track, "bad", FittingOptions(background=np.eye(3)[None]))
