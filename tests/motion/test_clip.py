from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli import __version__
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import default_skeleton
from tests.motion.samples import standing_clip


def test_a_clip_knows_its_length_and_its_joints() -> None:
    clip = standing_clip(45)
    assert clip.frames == 45 and clip.duration_s == pytest.approx(1.5)
    rest = default_skeleton(22).rest_positions()
    np.testing.assert_allclose(clip.joint_positions(), np.tile(rest, (45, 1, 1)), atol=1e-6)
    assert clip.joint_positions().dtype == np.float32


def test_values_that_are_not_finite_are_refused_with_the_frame() -> None:
    clip = standing_clip(10)
    root = clip.root_position.copy()
    root[7, 1] = np.nan
    with pytest.raises(BadInput, match="root_position is not finite at frame 7"):
        replace(clip, root_position=root)


def test_quaternions_that_are_no_rotations_are_refused() -> None:
    clip = standing_clip(10)
    joints = clip.joint_rotation.copy()
    joints[3, 4] *= 0.5
    with pytest.raises(BadInput, match="frame 3, left_knee has length 0.5"):
        replace(clip, joint_rotation=joints)


@pytest.mark.parametrize(("frames", "fps", "message"), [(0, 30.0, "no frames"), (2, 0.0, "fps"), (2, np.nan, "fps")])
def test_empty_or_timeless_clips_are_refused(frames: int, fps: float, message: str) -> None:
    skeleton = default_skeleton(22)
    joints = np.tile(np.array([1, 0, 0, 0], np.float32), (frames, 22, 1))
    with pytest.raises(BadInput, match=message):
        MotionClip("x", skeleton, fps, np.zeros((frames, 3), np.float32), joints)


def test_shapes_must_agree() -> None:
    clip = standing_clip(10)
    with pytest.raises(BadInput, match="do not agree"):
        replace(clip, root_position=clip.root_position[:9])


def test_provenance_grows_by_one_record() -> None:
    clip = standing_clip(2).with_provenance("generate", seed=3).with_provenance("render")
    assert [record["stage"] for record in clip.provenance] == ["generate", "render"]
    assert clip.provenance[0] == {"stage": "generate", "version": __version__, "seed": 3}
