from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import Dataset, Group, MotionClip
from infinitedance_cli.motion.resample import resample_clip, with_joint_count
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stages.convert.config import ConvertConfig
from infinitedance_cli.stages.convert.stage import convert
from tests.motion.samples import wandering_clip
from tests.stream.clips import assert_same_clip, full_clip, small_clip


def _turning(frames: int, fps: float) -> MotionClip:
    """The root moves along x at 1 m/s and turns about y at 1 rad/s."""
    time = np.arange(frames) / fps
    base = small_clip(frames=frames)
    turns = rotation.identity(frames, 22)
    turns[:, 0] = rotation.about_axis("y", time.astype(np.float32))
    root = np.stack((time, np.ones(frames), np.zeros(frames)), axis=1).astype(np.float32)
    return replace(base, fps=fps, root_position=root, joint_rotation=turns)


def test_nothing_asked_nothing_changed() -> None:
    (clip,) = convert([full_clip()], ConvertConfig())
    assert_same_clip(clip, full_clip())


@pytest.mark.parametrize(("source", "target", "frames"), [(60, 30, 31), (30, 60, 121), (120, 30, 16), (25, 30, 73)])
def test_frame_rate(source: float, target: float, frames: int) -> None:
    """Motion that is linear in time is the same at every rate; the last frame never lies beyond the input's."""
    (clip,) = convert([_turning(61, source)], ConvertConfig(fps=target))
    assert (clip.frames, clip.fps) == (frames, target)
    time = np.arange(frames) / target
    assert time[-1] <= 60 / source + 1e-6
    np.testing.assert_allclose(clip.root_position[:, 0], time, atol=1e-5)
    np.testing.assert_allclose(rotation.heading(clip.joint_rotation[:, 0]), time, atol=1e-5)
    assert clip.provenance[-1]["stage"] == "convert" and clip.provenance[-1]["config"] == {"fps": target}


def test_a_body_of_its_own_is_put_on_ours() -> None:
    ours = wandering_clip(30)
    taller = replace(ours, skeleton=replace(ours.skeleton, offsets=ours.skeleton.offsets * 1.1))
    kept, changed = convert([ours, taller], ConvertConfig(retarget=True))
    assert kept is ours and changed.skeleton.matches(ours.skeleton)
    assert changed.provenance[-1]["config"] == {"retarget": True}


def test_what_counts_frames_follows_or_goes() -> None:
    clip = resample_clip(full_clip(frames=12), 15.0)
    assert clip.contacts is not None and clip.body is not None and clip.body.expression is not None
    np.testing.assert_array_equal(clip.contacts.planted, full_clip(frames=12).contacts.planted[::2])  # type: ignore[union-attr]
    assert len(clip.body.expression) == 6
    assert clip.tokens is None and set(clip.extra) == {"/"}, "groups with a row per frame do not fit any more"


def test_a_group_with_its_own_rate_stays() -> None:
    seen = Group({"bbox": Dataset(np.ones((12, 4), np.float32), {"units": "px"})}, {"fps": 30.0})
    clip = full_clip(frames=12)
    clip = resample_clip(replace(clip, extra={**clip.extra, "capture": seen}), 15.0)
    assert clip.extra["capture"] is seen


def test_joints() -> None:
    (body,) = convert([full_clip()], ConvertConfig(joints=22))
    assert body.skeleton.joint_names[-1] == "right_wrist" and body.joint_rotation.shape == (12, 22, 4)
    whole = with_joint_count(body, 55)
    np.testing.assert_array_equal(whole.joint_rotation[:, :22], full_clip().joint_rotation[:, :22])
    np.testing.assert_array_equal(whole.joint_rotation[:, 22:], rotation.identity(12, 33))
    np.testing.assert_array_equal(whole.joint_positions()[:, :22], full_clip().joint_positions()[:, :22])


def test_joints_of_another_skeleton() -> None:
    skeleton = Skeleton(("root", "tip"), (-1, 0), np.ones((2, 3), np.float32))
    clip = MotionClip("robot", skeleton, 30.0, np.zeros((2, 3), np.float32), rotation.identity(2, 2))
    with pytest.raises(BadInput, match="clip robot: its 2 joints are not SMPL-X's"):
        list(convert([clip], ConvertConfig(joints=22)))
    with pytest.raises(UsageError):
        with_joint_count(small_clip(), 24)


def test_names_are_numbered() -> None:
    clips = convert([small_clip("a"), small_clip("b")], ConvertConfig(clip_id="dance"))
    assert [clip.clip_id for clip in clips] == ["dance", "dance_01"]
