from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import (
    forward_kinematics,
    local_rotations,
    resample_times,
    sample_positions,
    sample_rotations,
)
from infinitedance_cli.motion.skeleton import Skeleton, default_skeleton
from tests.motion.samples import wandering_clip

ARM = Skeleton(("shoulder", "elbow", "hand"), (-1, 0, 1), np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0]], dtype=np.float32))


def test_rest_pose_stands_where_the_skeleton_rests() -> None:
    skeleton = default_skeleton()
    positions, world = forward_kinematics(skeleton, skeleton.offsets[0], rotation.identity(55))
    np.testing.assert_allclose(positions, skeleton.rest_positions(), atol=1e-6)
    np.testing.assert_allclose(world, rotation.identity(55))


def test_bent_elbow_by_hand() -> None:
    quarter = np.array(np.pi / 2)
    local = np.stack(
        [rotation.about_axis("z", quarter), rotation.about_axis("y", quarter), rotation.identity().astype(float)]
    )
    positions, _ = forward_kinematics(ARM, np.array([0.0, 0, 5]), local)
    # The shoulder turns the upper arm from +x to +y. The elbow turns the forearm about its own y, which points to −x
    # by then: its own −z, which the shoulder leaves alone.
    np.testing.assert_allclose(positions, [[0, 0, 5], [0, 1, 5], [0, 1, 4]], atol=1e-9)


def test_local_rotations_undo_the_chain() -> None:
    clip = wandering_clip(20)
    _, world = forward_kinematics(clip.skeleton, clip.root_position, clip.joint_rotation)
    dots = np.sum(local_rotations(clip.skeleton, world) * clip.joint_rotation, axis=-1)
    np.testing.assert_allclose(np.abs(dots), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("frames", "source", "target", "count"), [(61, 60, 30, 31), (60, 60, 30, 30), (5, 30, 120, 17)]
)
def test_resampling_covers_the_clip_and_never_leaves_it(frames: int, source: int, target: int, count: int) -> None:
    times = resample_times(frames, source, target)
    assert len(times) == count
    assert times[1] - times[0] == pytest.approx(source / target)
    assert times[-1] <= frames - 1


def test_reading_between_frames() -> None:
    np.testing.assert_allclose(
        sample_positions(np.array([[0.0], [2.0], [6.0]]), np.array([0.5, 1.25, 2])), [[1], [3], [6]]
    )
    path = rotation.about_axis("x", np.array([0.0, 1.0, 2.0]))[:, None]
    middle = sample_rotations(path, np.array([0.25, 1.5]))
    np.testing.assert_allclose(middle[:, 0], rotation.about_axis("x", np.array([0.25, 1.5])), atol=1e-9)
