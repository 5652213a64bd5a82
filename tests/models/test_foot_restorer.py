from __future__ import annotations

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import ConfigError
from infinitedance_cli.models.foot_restorer import FootRestorer, FootRestorerConfig, cosine_schedule, rotary, sinusoids
from infinitedance_cli.models.foot_restorer_features import OWNED, PARTS, encode, pelvis_in_heading
from infinitedance_cli.models.foot_restorer_losses import (
    FootRestorerWeights,
    Target,
    climb_error,
    doubt,
    leg_positions,
    path_error,
    restoration_terms,
    to_matrices,
)
from infinitedance_cli.models.foot_restorer_sampling import Frames, restore_columns
from infinitedance_cli.models.foot_restorer_sampling_config import SamplingConfig
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import PAPER_259
from infinitedance_cli.motion.features.heading import pelvis_angles, turn
from infinitedance_cli.motion.kinematics import forward_kinematics
from tests.motion.samples import standing_clip, wandering_clip

LEGS = (4, 5, 7, 8, 10, 11)


def features_of(clip: MotionClip) -> np.ndarray:
    angles = pelvis_angles(clip.joint_rotation[:, 0])
    return encode(clip.joint_positions()[:, :22].astype(float), clip.joint_rotation[:, :22], angles)


def small(**changes: int) -> FootRestorer:
    torch.manual_seed(0)
    sizes = {"width": 16, "layers": 1, "heads": 2, "feedforward": 16, "window": 20, **changes}
    model = FootRestorer(FootRestorerConfig(**sizes)).eval()
    rows = torch.from_numpy(features_of(wandering_clip(200, joints=22)))
    model.set_statistics(rows.mean(0), rows.std(0).clamp(min=5e-3))
    return model


def test_owned_columns_are_root_and_legs() -> None:
    named = {name: range(*PAPER_259.block(name).indices(259)) for name in PAPER_259.block_names}
    counts = {name: len(set(OWNED) & set(columns)) for name, columns in named.items()}
    assert counts == {
        "yaw_velocity": 0,
        "root_velocity": 2,
        "root_height": 1,
        "joint_velocity": 3 * 7,
        "joint_position": 3 * 6,
        "joint_rotation": 6 * 8,
    }
    assert len(OWNED) == len(set(OWNED)) == 90 and PARTS["rotation"] == slice(42, 90)


def test_the_root_is_told_by_owned_columns_only() -> None:
    """However the body is moved over the floor and in height, no column that is held fixed changes."""
    clip = wandering_clip(60, joints=22, turn=0.02)
    positions, angles = clip.joint_positions().astype(float), pelvis_angles(clip.joint_rotation[:, 0])
    moved = positions + np.random.default_rng(0).normal(size=(60, 1, 3))
    before, after = (encode(joints, clip.joint_rotation, angles) for joints in (positions, moved))
    fixed = np.setdiff1d(np.arange(259), OWNED)
    np.testing.assert_allclose(before[:, fixed], after[:, fixed], atol=1e-5)
    assert np.abs(before[:, OWNED] - after[:, OWNED]).max() > 0.5


def test_a_walk_by_hand() -> None:
    """Facing +X and going 3 cm a frame along +X is going 3 cm a frame ahead."""
    rest = standing_clip(5)
    joints = rest.joint_rotation.copy()
    joints[:, 0] = rotation.about_axis("y", np.full(5, np.pi / 2, np.float32))
    root = rest.root_position + np.arange(5, dtype=np.float32)[:, None] * np.array([0.03, 0, 0], np.float32)
    rows = features_of(MotionClip("walk", rest.skeleton, 30.0, root, joints))
    np.testing.assert_allclose(rows[:, PAPER_259.block("root_velocity")], [[0, 0.03]] * 5, atol=1e-6)
    positions = rows[:, PAPER_259.block("joint_position")].reshape(5, 21, 3)
    expected = rest.skeleton.rest_positions()[1:] - rest.skeleton.rest_positions()[0]
    np.testing.assert_allclose(positions, np.tile(expected, (5, 1, 1)), atol=1e-6)
    velocity = rows[:, PAPER_259.block("joint_velocity")].reshape(5, 22, 3)
    np.testing.assert_allclose(velocity[:, 0], [[0, 0, 0.03]] * 5, atol=1e-6)
    np.testing.assert_allclose(velocity[:, 1:], 0, atol=1e-6)


def test_legs_by_forward_kinematics() -> None:
    clip = wandering_clip(30, joints=22, turn=0.05)
    angles = pelvis_angles(clip.joint_rotation[:, 0])
    rows = torch.from_numpy(features_of(clip))[None, :, OWNED]
    pelvis = torch.from_numpy(pelvis_in_heading(clip.joint_rotation[:, 0], angles))[None]
    positions = forward_kinematics(clip.skeleton, clip.root_position, clip.joint_rotation)[0]
    expected = turn(positions[:, LEGS] - positions[:, :1], angles[:, None])
    np.testing.assert_allclose(leg_positions(rows[..., PARTS["rotation"]], pelvis)[0], expected, atol=2e-6)
    six = np.random.default_rng(0).normal(size=(7, 6))
    np.testing.assert_allclose(to_matrices(torch.from_numpy(six)), rotation.to_matrix(rotation.from_6d(six)), atol=1e-7)


def test_rotary_products_depend_on_the_distance() -> None:
    values = torch.randn(8, generator=torch.Generator().manual_seed(0))
    turned = rotary(values.repeat(1, 1, 12, 1))[0, 0]
    torch.testing.assert_close(turned[2] @ turned[5], turned[7] @ turned[10])
    assert abs(float(turned[2] @ turned[5] - turned[2] @ turned[9])) > 1e-2


def test_cosine_schedule_by_hand() -> None:
    signal = cosine_schedule(1000)
    curve = (
        np.cos((np.array([1, 500]) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    )
    np.testing.assert_allclose(signal[[0, 499]], curve, rtol=1e-5)
    assert signal[-1] < 1e-6 and bool((signal.diff() < 0).all())
    torch.testing.assert_close(sinusoids(torch.tensor([0]), 6), torch.tensor([[0.0, 0, 0, 1, 1, 1]]))


def test_perfect_prediction_costs_nothing() -> None:
    model, clip = small(), wandering_clip(20, joints=22)
    rows = model.normalise(torch.from_numpy(features_of(clip)))[None]
    pelvis = pelvis_in_heading(clip.joint_rotation[:, 0], pelvis_angles(clip.joint_rotation[:, 0]))
    angles = torch.from_numpy(pelvis_angles(clip.joint_rotation[:, 0])).float()[None]
    none = torch.zeros(1, 2), torch.zeros(1, 20, 2)
    target = Target(rows, torch.from_numpy(pelvis)[None], angles, torch.zeros(1, 20, 4), *none)
    restored = model(rows, torch.zeros(1, 20, 90), torch.tensor([999]), torch.ones(1))
    terms = restoration_terms(model, restored, target, 0.1)
    assert set(terms) == set(vars(FootRestorerWeights())) - {"epsilon"}
    told = {"contact": np.log(2), "damaged": np.log(2)}  # an untrained network says 50 %
    for name, value in terms.items():
        assert float(value.detach()) == pytest.approx(told.get(name, 0.0), abs=2e-5), name


def test_sums_of_steps_by_hand() -> None:
    """A constant error of 1 cm a step ahead, while facing +X, is a path that leaves along +X, about its mean; the
    anchor of 0.002 takes a hundredth of so short a path.
    """
    error = torch.zeros(1, 5, 90)
    error[..., PARTS["step"].start + 2] = 0.01
    path = path_error(error, torch.full((1, 5), -np.pi / 2), torch.zeros(1, 5, 2))
    torch.testing.assert_close(path[0, :, 0], torch.tensor([-0.02, -0.01, 0.0, 0.01, 0.02]), rtol=0.02, atol=1e-6)
    torch.testing.assert_close(path[0, :, 1], torch.zeros(5), atol=1e-6, rtol=0)
    owned = torch.zeros(1, 5, 90)
    owned[..., PARTS["root"].start + 2] = 0.9 + 0.1 * torch.arange(5)
    owned[..., PARTS["step"].start + 1] = 0.1
    torch.testing.assert_close(climb_error(owned), torch.zeros(1, 4), atol=1e-6, rtol=0)


def test_a_path_that_is_left_as_it_was_is_wrong_by_the_whole_shift() -> None:
    """And one with the right steps by what the anchor takes: nothing of a quick shift, all of one that stays."""
    shift = torch.randn(1, 60, 2, generator=torch.Generator().manual_seed(0))
    steps = torch.zeros(1, 60, 90)
    steps[:, :-1, PARTS["step"].start] = -shift.diff(dim=1)[..., 0]
    steps[:, :-1, PARTS["step"].start + 2] = -shift.diff(dim=1)[..., 1]
    straight = torch.zeros(1, 60)
    torch.testing.assert_close(path_error(steps, straight, shift), -shift, atol=1e-5, rtol=0)
    right = torch.zeros(1, 60, 90)
    torch.testing.assert_close(path_error(right, straight, torch.ones(1, 60, 2)), -torch.ones(1, 60, 2))
    quick = torch.cos(torch.pi * torch.arange(60.0))[None, :, None].expand(1, 60, 2)
    assert path_error(right, straight, quick).abs().max() < 0.03


def test_doubt_is_cheapest_where_it_is_the_error() -> None:
    """Size over told size, plus its logarithm: least where 5 mm are told as 5 mm."""
    error = torch.zeros(1, 4, 90)
    error[..., PARTS["step"].start], error[..., PARTS["step"].start + 2] = 0.003, 0.004
    costs = [float(doubt(error, torch.full((1, 4), float(np.log(told))))) for told in (2.5, 5.0, 10.0)]
    np.testing.assert_allclose(costs, [2 + np.log(2.5), 1 + np.log(5), 0.5 + np.log(10)], rtol=1e-5)


@pytest.mark.parametrize("frames", [2, 19, 20, 21, 57])
def test_an_untrained_network_gives_back_what_it_saw(frames: int) -> None:
    """Of any length: windows that agree are joined to the motion that they were cut from."""
    rows = features_of(wandering_clip(frames, joints=22))
    config = SamplingConfig(steps=3, overlap=6, contact=0.0)
    found = restore_columns(small(), rows, config)
    np.testing.assert_allclose(found.owned, rows[:, OWNED], atol=1e-5)
    assert found.contact.shape == (frames, 4) and found.damaged == pytest.approx(0.5)


def test_windows_cover_every_frame_and_fade_linearly() -> None:
    frames = Frames.over(50, 20, 6, torch.device("cpu"))
    assert frames.index[:, 0].tolist() == [0, 14, 28, 30] and int(frames.index[-1, -1]) == 49
    values = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(frames.joined(values[frames.index]), values)
    numbered = torch.arange(4.0)[:, None, None].expand(4, 20, 1)
    np.testing.assert_allclose(frames.joined(numbered)[14:20, 0], np.arange(1, 7) / 7, rtol=1e-5)


def test_planted_feet_are_guided_to_rest() -> None:
    model = small()
    with torch.no_grad():
        model.write.bias[90] = 20.0  # the left ankle stands, surely
        model.write.bias[91:94] = -20.0
    rows = features_of(wandering_clip(20, joints=22))
    owned = restore_columns(model, rows, SamplingConfig(steps=1, late=1.0)).owned
    moves = owned[:, PARTS["velocity"]].reshape(-1, 6, 3)
    np.testing.assert_allclose(moves[:, 2], -owned[:, PARTS["step"]], atol=1e-5)
    np.testing.assert_allclose(moves[:, [0, 1, 3, 4, 5]].reshape(20, -1), _columns(rows), atol=1e-5)


def _columns(rows: np.ndarray) -> np.ndarray:
    return rows[:, OWNED][:, PARTS["velocity"]].reshape(-1, 6, 3)[:, [0, 1, 3, 4, 5]].reshape(len(rows), -1)


def test_geometric_guidance_keeps_to_what_was_seen() -> None:
    """A network that may not look, drawn towards the observation in full, ends with it."""
    rows = features_of(wandering_clip(20, joints=22))
    unseen = SamplingConfig(steps=1, observe=False, contact=0.0, late=0.5)
    drawn = SamplingConfig(steps=1, observe=False, contact=0.0, late=0.5, geometric=1.0)
    assert np.abs(restore_columns(small(), rows, unseen).owned - rows[:, OWNED]).max() > 0.1
    np.testing.assert_allclose(restore_columns(small(), rows, drawn).owned, rows[:, OWNED], atol=1e-5)


def test_same_seed_same_result() -> None:
    model = small()
    torch.nn.init.normal_(model.write.weight, std=0.1)
    rows = features_of(wandering_clip(40, joints=22))
    first, again, other = (restore_columns(model, rows, SamplingConfig(), seed).owned for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(ConfigError, match="width is 18"):
        FootRestorerConfig(width=18, heads=4)
