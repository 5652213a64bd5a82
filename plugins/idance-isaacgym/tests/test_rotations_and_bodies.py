from __future__ import annotations

import numpy as np
import pytest
import torch
from idance_isaacgym.worker.idance_phc import bodies, rotations

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, default_skeleton


def random_turns(*shape: int, seed: int = 0) -> np.ndarray:
    """Unit quaternions (*shape, 4) as (w, x, y, z)."""
    return rotation.normalize(np.random.default_rng(seed).normal(size=(*shape, 4)))


def xyzw(quaternions: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.roll(quaternions, -1, axis=-1).copy())


def random_clip(frames: int = 6, seed: int = 0) -> MotionClip:
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(frames, 3)).astype(np.float32)
    return MotionClip(
        "random", default_skeleton(22), 30.0, root, random_turns(frames, 22, seed=seed).astype(np.float32)
    )


def test_quaternions_agree_with_those_of_clips() -> None:
    first, second = random_turns(50), random_turns(50, seed=1)
    vectors = np.random.default_rng(2).normal(size=(50, 3))
    product = rotations.multiply(xyzw(first), xyzw(second))
    torch.testing.assert_close(product, xyzw(rotation.multiply(first, second)))
    turned = rotations.rotate(xyzw(first), torch.from_numpy(vectors))
    np.testing.assert_allclose(turned, rotation.rotate(first, vectors), atol=1e-12)
    exponential = rotations.to_exponential(xyzw(first)).numpy()
    back = rotations.from_exponential(torch.from_numpy(exponential))
    np.testing.assert_allclose((back * xyzw(first)).sum(-1).abs().numpy(), 1, atol=1e-12)
    assert (np.linalg.norm(exponential, axis=-1) <= np.pi + 1e-9).all()


def test_the_exponential_map_is_axis_times_angle() -> None:
    half = torch.tensor(
        [[0.0, np.sin(0.4), 0.0, np.cos(0.4)], [0.0, 0.0, 0.0, 1.0], [0, 0, 0, -1]], dtype=torch.float64
    )
    expected = torch.tensor([[0.0, 0.8, 0.0], [0, 0, 0], [0, 0, 0]], dtype=torch.float64)
    torch.testing.assert_close(rotations.to_exponential(half), expected)


def test_heading_is_the_yaw_of_the_x_axis() -> None:
    yaw, pitch = rotation.about_axis("z", np.array(1.1)), rotation.about_axis("y", np.array(-0.7))
    roll = rotation.about_axis("x", np.array(0.9))
    whole = rotation.multiply(yaw, rotation.multiply(pitch, roll))
    torch.testing.assert_close(rotations.heading(xyzw(whole)), xyzw(yaw))


def test_tangent_and_normal_are_the_turned_x_and_z_axes() -> None:
    quarter = xyzw(rotation.about_axis("z", np.array(np.pi / 2)))
    expected = torch.tensor([0.0, 1, 0, 0, 0, 1], dtype=torch.float64)
    torch.testing.assert_close(rotations.tangent_and_normal(quarter), expected, atol=1e-12, rtol=0)


def test_up_forward_and_left_of_a_clip_are_those_of_phc() -> None:
    up, forward, left = torch.eye(3)[[1, 2, 0]]
    torch.testing.assert_close(bodies.to_z_up(torch.stack((up, forward, left))), torch.eye(3)[[2, 0, 1]])
    torch.testing.assert_close(bodies.to_y_up(bodies.to_z_up(torch.arange(3.0))), torch.arange(3.0))


def test_each_body_takes_the_joint_of_its_name() -> None:
    alike = {"Toe": "foot", "Torso": "spine1", "Spine": "spine2", "Chest": "spine3", "Thorax": "collar"}
    for index, name in enumerate(bodies.BODY_NAMES):
        side, _, part = name.rpartition("_")
        if part == "Hand":
            continue
        joint = SMPLX_JOINT_NAMES[bodies.SMPL_JOINT[index]]
        assert joint == {"L": "left_", "R": "right_", "": ""}[side] + alike.get(part, part.lower())
    parents = {name: bodies.BODY_NAMES[parent] for name, parent in zip(bodies.BODY_NAMES, bodies.PARENTS, strict=True)}
    assert (parents["L_Thorax"], parents["R_Hip"], parents["L_Hand"], parents["Neck"]) == (
        *("Chest", "Pelvis", "L_Wrist"),
        "Chest",
    )
    assert len(bodies.RESET_BODIES) == 20


def test_bodies_are_where_the_joints_of_the_clip_are() -> None:
    clip = random_clip()
    root, turns = clip.root_position.astype(np.float64), clip.joint_rotation.astype(np.float64)
    positions, world = forward_kinematics(clip.skeleton, root, turns)
    offsets = torch.zeros((24, 3), dtype=torch.float64)
    for body, joint in enumerate(bodies.SMPL_JOINT):
        if 0 < joint < 22:
            offsets[body] = bodies.to_z_up(torch.from_numpy(clip.skeleton.offsets[joint].astype(np.float64)))
    local = bodies.from_clip_rotation(torch.from_numpy(turns))
    found, found_world = bodies.forward_kinematics(offsets, bodies.to_z_up(torch.from_numpy(root)), local)
    for body, joint in enumerate(bodies.SMPL_JOINT):
        if joint < 22:
            np.testing.assert_allclose(bodies.to_y_up(found[:, body]), positions[:, joint], atol=1e-6)
            # A vector that a body carries with it ends in the same place, said in either world.
            carried = rotations.rotate(found_world[:, body], bodies.to_z_up(torch.tensor([0.1, 0.2, 0.3]).double()))
            expected = rotation.rotate(world[:, joint], np.array([0.1, 0.2, 0.3]))
            np.testing.assert_allclose(bodies.to_y_up(carried), expected, atol=1e-6)


def test_the_way_to_bodies_and_back_changes_nothing() -> None:
    turns = torch.from_numpy(random_turns(5, 22))
    local = bodies.from_clip_rotation(turns)
    _, world = bodies.forward_kinematics(torch.zeros((24, 3)).double(), torch.zeros((5, 3)).double(), local)
    back = bodies.to_clip_rotation(bodies.local_rotations(world))
    torch.testing.assert_close((back * turns).sum(-1).abs(), torch.ones(5, 22).double())


def test_a_clip_facing_forward_faces_x() -> None:
    upright = torch.tensor([1.0, 0, 0, 0]).expand(1, 22, 4)
    local = bodies.from_clip_rotation(upright)
    torch.testing.assert_close(rotations.heading(local[:, 0]), torch.tensor([[0.0, 0, 0, 1]]))
    left = torch.from_numpy(
        rotation.about_axis("y", np.array(np.pi / 2))
    ).float()  # +Z turns to +X: to the dancer's left
    turned = bodies.from_clip_rotation(left.expand(1, 22, 4))
    assert rotations.rotate(turned[0, 0], torch.tensor([1.0, 0, 0])) == pytest.approx([0, 1, 0], abs=1e-6)
