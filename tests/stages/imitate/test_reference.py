from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.stages.imitate.reference import reference_states

GRAVITY = 9.81


def thrown(frames: int = 40, fps: float = 30.0, spin: float = 2.0) -> MotionClip:
    """A stiff body on a parabola, turning about the upright axis by `spin` rad/s."""
    time = np.arange(frames) / fps
    root = np.stack((1.5 * time, 2 + 4 * time - 0.5 * GRAVITY * time**2, 0 * time), axis=1)
    turns = rotation.identity(frames, 22)
    turns[:, 0] = rotation.about_axis("y", spin * time)
    return MotionClip("thrown", default_skeleton(22), fps, root.astype(np.float32), turns)


def test_velocity_and_acceleration_of_a_parabola_and_a_spin() -> None:
    states = reference_states(thrown(), range(22), 5, 5, 30)
    assert len(states.position) == 25 * 5 + 1 and states.dt == pytest.approx(1 / 150)
    time = 5 / 30 + np.arange(126) / 150
    np.testing.assert_allclose(states.velocity[:, 0], 1.5, atol=2e-3)
    np.testing.assert_allclose(states.velocity[:, 1], 4 - GRAVITY * time, atol=5e-3)
    np.testing.assert_allclose(states.velocity[:, 4], 2.0, atol=2e-3)
    np.testing.assert_allclose(states.acceleration[:, 1], -GRAVITY, atol=0.1)
    np.testing.assert_allclose(states.acceleration[:, 3:], 0.0, atol=0.1)


def test_states_pass_through_the_frames() -> None:
    clip = thrown()
    states = reference_states(clip, range(22), 4, 0, clip.frames - 1)
    np.testing.assert_allclose(states.position[::4, :3], clip.root_position, atol=1e-6)
    np.testing.assert_allclose(states.position[::4, 3:7], clip.joint_rotation[:, 0], atol=1e-6)


def test_windows_join() -> None:
    """A window is the same part of the whole, so long as its context is."""
    clip = thrown(60)
    whole = reference_states(clip, range(22), 5, 0, 59)
    part = reference_states(clip, range(22), 5, 25, 35)
    np.testing.assert_allclose(part.position, whole.position[125:176], atol=1e-5)
    np.testing.assert_allclose(part.velocity, whole.velocity[125:176], atol=1e-3)


def test_order_of_joints() -> None:
    clip = thrown()
    order = [0, *range(21, 0, -1)]
    turned = clip.joint_rotation.copy()
    turned[:, 21] = rotation.about_axis("x", np.full(clip.frames, 0.3))
    states = reference_states(
        MotionClip("a", clip.skeleton, clip.fps, clip.root_position, turned), order, 2, 0, clip.frames - 1
    )
    np.testing.assert_allclose(states.position[:, 7:11], np.tile(turned[0, 21], (len(states.position), 1)), atol=1e-6)
