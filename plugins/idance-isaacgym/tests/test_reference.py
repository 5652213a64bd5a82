from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from humanoids import write_repository
from idance_isaacgym.worker.idance_phc import bodies
from idance_isaacgym.worker.idance_phc.errors import BadFile
from idance_isaacgym.worker.idance_phc.humanoid import Humanoid, read_humanoid
from idance_isaacgym.worker.idance_phc.reference import Reference, from_clip, smoothed, states_of, to_clip
from scipy.ndimage import gaussian_filter1d

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import Skeleton, default_skeleton
from infinitedance_cli.stages.imitate.body import build_body
from infinitedance_cli.stages.imitate.conformance import swaying
from infinitedance_cli.stages.imitate.grounding import lowest_points


@pytest.fixture
def humanoid(tmp_path: Path) -> Humanoid:
    return read_humanoid(write_repository(tmp_path, default_skeleton(22)))


def resized(clip: MotionClip, factor: float) -> MotionClip:
    skeleton = Skeleton(clip.skeleton.joint_names, clip.skeleton.parents, clip.skeleton.offsets * np.float32(factor))
    return MotionClip(clip.clip_id, skeleton, clip.fps, clip.root_position * np.float32(factor), clip.joint_rotation)


def reference_of(humanoid: Humanoid, clip: MotionClip) -> Reference:
    clearance = lowest_points(clip, build_body(clip.skeleton)).min(axis=1)
    fields = (clip.skeleton.offsets, clip.root_position, clip.joint_rotation, clearance)
    return from_clip(humanoid, *(torch.from_numpy(np.asarray(values, np.float64)) for values in fields))


def test_smoothing_is_scipys_with_held_ends() -> None:
    values = np.random.default_rng(0).normal(size=(40, 3, 2))
    expected = gaussian_filter1d(values, 2, axis=0, mode="nearest")
    np.testing.assert_allclose(smoothed(torch.from_numpy(values), 2.0), expected, atol=1e-12)


def test_velocities_are_smoothed_differences() -> None:
    positions = np.random.default_rng(1).normal(size=(30, 24, 3)).cumsum(axis=0)
    turns = torch.tensor([0.0, 0, 0, 1]).double().expand(30, 24, 4)
    found = states_of(torch.from_numpy(positions), turns)
    expected = gaussian_filter1d(np.gradient(positions, axis=0) * 30, 2, axis=0, mode="nearest")
    np.testing.assert_allclose(found.velocity, expected, atol=1e-9)
    assert found.angular_velocity.abs().max() == 0


def test_a_steady_spin_has_its_angular_velocity() -> None:
    """Two radians a second about z, all but the last frames, where PHC holds the last pose."""
    turns = rotation.about_axis("z", 2.0 * np.arange(60) / 30)[:, None].repeat(24, axis=1)
    found = states_of(torch.zeros((60, 24, 3)).double(), torch.from_numpy(np.roll(turns, -1, axis=-1).copy()))
    np.testing.assert_allclose(found.angular_velocity[:50], np.broadcast_to([0, 0, 2.0], (50, 24, 3)), atol=1e-9)
    assert 0 < found.angular_velocity[-1, 0, 2] < 2


def test_the_humanoids_own_skeleton_stands_where_the_clip_does(humanoid: Humanoid) -> None:
    clip = swaying(30)
    reference = reference_of(humanoid, clip)
    assert reference.scale == pytest.approx(1)
    assert reference.lift.abs().max() < 1e-3
    for body, joint in enumerate(bodies.SMPL_JOINT):
        if joint < 22:
            found = bodies.to_y_up(reference.states.position[:, body])
            np.testing.assert_allclose(found, clip.joint_positions()[:, joint], atol=1e-3)


@pytest.mark.parametrize("factor", [0.6, 1.3])
def test_a_dancer_of_another_size_stands_on_the_floor_and_comes_back_the_same(
    humanoid: Humanoid, factor: float
) -> None:
    clip = resized(swaying(30), factor)
    reference = reference_of(humanoid, clip)
    assert reference.scale == pytest.approx(1 / factor, rel=1e-5)
    lowest = humanoid.lowest(reference.states.position, reference.states.rotation)
    assert lowest.abs().max() < 2e-3
    root, joints = to_clip(reference, reference.states.position[:, 0], reference.states.rotation)
    np.testing.assert_allclose(root, clip.root_position, atol=1e-6)
    np.testing.assert_allclose(np.abs((joints.numpy() * clip.joint_rotation).sum(-1)), 1, atol=1e-6)


def test_a_jump_leaves_the_floor_by_the_scaled_height(humanoid: Humanoid) -> None:
    clip = resized(swaying(60), 0.5)
    height = (0.25 * np.sin(np.pi * np.arange(60) / 59)).astype(np.float32)
    clip = MotionClip(
        "jump", clip.skeleton, 30.0, clip.root_position + height[:, None] * [0, 1, 0], clip.joint_rotation
    )
    states = reference_of(humanoid, clip).states
    np.testing.assert_allclose(humanoid.lowest(states.position, states.rotation), 2 * height, atol=3e-3)


def test_the_lowest_point_of_each_shape_by_hand(tmp_path: Path) -> None:
    path = write_repository(tmp_path, default_skeleton(22))
    text = path.read_text()
    shapes = (
        '<geom type="box" pos="0 0 -1" size=".1 .2 .3" quat="0.70710678 0.70710678 0 0"/>',  # its y half-size stands
        '<geom type="capsule" fromto="0 0 -1.5 0 0 0" size=".05"/>',
        '<geom type="sphere" pos="0 0 -1.6" size=".15"/>',
    )
    body = '<freejoint name="Pelvis" />'
    position, turns = torch.zeros((1, 24, 3)).double(), torch.tensor([0.0, 0, 0, 1]).double().expand(1, 24, 4)
    for shape, lowest in zip(shapes, (-1.2, -1.55, -1.75), strict=True):
        path.write_text(text.replace(body, body + shape))
        assert read_humanoid(path).lowest(position, turns).item() == pytest.approx(lowest)


def test_a_humanoid_that_is_not_phcs_is_refused(tmp_path: Path) -> None:
    path = write_repository(tmp_path, default_skeleton(22))
    text = path.read_text()
    for wrong, message in (("no xml", "no MJCF"), (text.replace("L_Toe", "L_Foot"), "the 24 of SMPL")):
        path.write_text(wrong)
        with pytest.raises(BadFile, match=message):
            read_humanoid(path)


def test_a_humanoid_that_lies_is_refused(tmp_path: Path) -> None:
    path = write_repository(tmp_path, default_skeleton(22))
    tree = path.read_text().split('name="Torso" pos="')
    values = tree[1].split('"', 1)
    path.write_text(f'{tree[0]}name="Torso" pos="0 {values[0].split()[2]} 0"{values[1]}')
    with pytest.raises(BadFile, match="upright"):
        read_humanoid(path)
