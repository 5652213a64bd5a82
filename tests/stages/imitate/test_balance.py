from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.balance import BalanceConfig, balance_reference, changed_path, planted_feet
from infinitedance_cli.stages.imitate.body import GRAVITY, build_body
from infinitedance_cli.stages.imitate.centroid import centroid
from infinitedance_cli.stages.imitate.conformance import standing, swaying
from infinitedance_cli.stages.imitate.floor_forces import FloorProblem, solve_floor_problem


def _moved(clip: MotionClip, shift: np.ndarray) -> MotionClip:
    return replace(clip, root_position=(clip.root_position + shift).astype(np.float32))


def test_a_thrown_body_accelerates_downwards_and_does_not_turn() -> None:
    clip = standing(12)
    times = np.arange(12)[:, None] / clip.fps
    thrown = _moved(clip, times * [1.0, 3.0, 0.0] - 0.5 * GRAVITY * times**2 * [0, 1, 0])
    found = centroid(thrown, build_body(clip.skeleton))
    assert np.allclose(found.acceleration, [0, -GRAVITY, 0], atol=0.01)
    assert np.abs(found.turning).max() < 0.1


def test_a_standing_body_has_its_soles_on_the_floor_and_its_weight_over_them() -> None:
    clip = standing(5)
    found = centroid(clip, build_body(clip.skeleton))
    soles = found.points[0, np.isin(found.owner, (7, 8, 10, 11))]
    assert np.abs(soles[:, 1]).max() < 0.01
    assert soles[:, 2].min() < found.centre[0, 2] < soles[:, 2].max()
    assert abs(found.centre[0, 0]) < 0.02
    assert 0.8 < found.centre[0, 1] < 1.1


def _problem(bias: list[float], edges: np.ndarray, frames: int = 61) -> FloorProblem:
    needed = np.tile(np.array(bias), (frames, 1))
    stiffness = np.zeros((frames, 6, 6))
    stiffness[:, 3, 2] = 1.0  # weight 1 along y: a shift along z is a torque about x
    return FloorProblem(
        bias=needed,
        mass=np.broadcast_to(np.eye(6) / GRAVITY, (frames, 6, 6)),
        stiffness=stiffness,
        edges=np.broadcast_to(edges, (frames, *edges.shape)),
        price=np.full((frames, edges.shape[1]), 1e-3),
        residual=np.full((frames, 6), 1e4),
        change=np.full((frames, 6), 1.0),
        jolt=np.full(6, 10.0),
        dt=1 / 30,
    )


def test_two_points_share_the_weight_that_they_can_carry() -> None:
    # Points at z = ±0.1: a unit load along y on each is (0, 1, 0) with torque (−z, 0, 0) about x.
    edges = np.array([[0, 1, 0, -0.1, 0, 0], [0, 1, 0, 0.1, 0, 0]], dtype=float).T
    found = solve_floor_problem(_problem([0, 1, 0, 0.05, 0, 0], edges))
    assert found.loads[30] == pytest.approx([0.25, 0.75], abs=0.02)
    assert np.abs(found.change[30]).max() < 5e-3
    assert np.abs(found.residual[30]).max() < 1e-3


def test_what_no_load_can_give_is_met_by_a_shift() -> None:
    edges = np.array([[0, 1, 0, -0.1, 0, 0], [0, 1, 0, 0.1, 0, 0]], dtype=float).T
    found = solve_floor_problem(_problem([0, 1, 0, 0.25, 0, 0], edges))
    assert (found.loads >= 0).all()
    assert found.change[30, 2] == pytest.approx(-0.15, abs=0.005)
    assert np.abs(found.residual[30]).max() < 2e-3


def test_a_floor_cannot_pull() -> None:
    edges = np.array([[0, 1, 0, 0, 0, 0]], dtype=float).T
    found = solve_floor_problem(_problem([0, -1, 0, 0, 0, 0], edges))
    assert found.loads.max() < 1e-6


def test_a_motion_in_balance_stays() -> None:
    clip = swaying(30)
    body = build_body(clip.skeleton)
    result = balance_reference(clip, body, BalanceConfig())
    assert np.linalg.norm(result.joint_positions() - clip.joint_positions(), axis=-1).max() < 0.03


def test_a_body_beside_its_feet_is_brought_over_them_and_its_feet_stay() -> None:
    clip = standing(90)
    body = build_body(clip.skeleton)
    tilt = np.zeros((90, 6))
    tilt[:, 1:3] = -0.1, -0.13  # low enough for the legs to reach
    found = centroid(clip, body)
    leaning = changed_path(clip, found.centre, tilt, planted_feet(found, clip.fps))
    before, after = centroid(leaning, body), centroid(balance_reference(leaning, body, BalanceConfig()), body)
    heels = after.points[45, np.isin(after.owner, (7, 8, 10, 11)), 2].min()
    assert before.centre[45, 2] < heels - 0.015
    assert after.centre[45, 2] > heels - 0.01
    assert np.abs(after.points[45] - before.points[45])[np.isin(after.owner, (7, 8))].max() < 0.01


def test_a_jump_follows_a_parabola() -> None:
    clip = standing(40)
    height = np.zeros(40)
    height[10:20] = 0.12 * np.sin(np.linspace(0, np.pi, 10)) ** 4  # hangs and falls as no jump does
    jump = _moved(clip, height[:, None] * [0, 1, 0])
    body = build_body(clip.skeleton)
    result = balance_reference(jump, body, BalanceConfig())
    inside = slice(13, 17)
    before, after = (centroid(each, body).acceleration[inside, 1] for each in (jump, result))
    assert np.abs(after + GRAVITY).mean() < 0.5 * np.abs(before + GRAVITY).mean()
