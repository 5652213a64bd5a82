from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.foot_restorer_features import PARTS
from infinitedance_cli.models.foot_restorer_sampling import RestoredColumns
from infinitedance_cli.motion.clip import Dataset, Group, Labels, MotionClip, MusicTrack, Tokens
from infinitedance_cli.motion.contact import FOOT_JOINTS
from infinitedance_cli.motion.resample import resample_clip
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stages.restore_feet.config import PlantingConfig, RestoreFeetConfig
from infinitedance_cli.stages.restore_feet.lift import foot_rise, lift_feet
from infinitedance_cli.stages.restore_feet.observe import observe
from infinitedance_cli.stages.restore_feet.rebuild import (
    damage_share,
    rebuild,
    root_path,
    smoothed,
    stillness,
    sunk_share,
)
from infinitedance_cli.stages.restore_feet.stage import restore_clip, restore_feet
from tests.motion.samples import crouch, standing_clip, wandering_clip
from tests.stages.restore_feet.networks import tiny_restorer

OWNED_ROTATIONS = [1, 2, 4, 5, 7, 8]
CONFIG = RestoreFeetConfig()


def bent(frames: int = 120, joints: int = 22) -> MotionClip:
    return crouch(standing_clip(frames, joints), np.full(frames, 0.3))


def test_only_root_and_legs_change() -> None:
    """Whatever the network says: hands, face, arms, trunk, music, labels and unknown groups come out bit by bit."""
    extra = {"theirs": Group({"numbers": Dataset(np.arange(3))})}
    tokens = Tokens(np.zeros((30, 3), np.int16), 4, "0" * 64)
    music = MusicTrack(path="song.ogg", beats=np.arange(4.0))
    clip = replace(wandering_clip(120), music=music, labels=Labels("salsa"), extra=extra, tokens=tokens)
    config = replace(CONFIG, planting=PlantingConfig(still=10.0))
    result = restore_clip(clip, tiny_restorer(contact=20.0, noise=0.3), config)
    changed = np.flatnonzero((result.joint_rotation != clip.joint_rotation).any(axis=(0, 2)))
    assert changed.tolist() == OWNED_ROTATIONS
    assert np.abs(result.root_position - clip.root_position).max() > 0.01
    assert result.music is music and result.labels is clip.labels and result.extra == extra and result.tokens is None
    assert result.contacts is not None and result.contacts.planted.all()
    assert np.isfinite(result.joint_positions()).all()


def test_undamaged_motion_passes_bit_by_bit() -> None:
    clip = replace(bent(120, 55), tokens=Tokens(np.zeros((30, 3), np.int16), 4, "0" * 64))
    result = restore_clip(clip, tiny_restorer(damaged=-20.0, noise=1.0), CONFIG)
    assert np.array_equal(result.joint_rotation, clip.joint_rotation)
    assert np.array_equal(result.root_position, clip.root_position) and result.tokens is clip.tokens
    assert result.provenance[-1]["stage"] == "restore-feet" and result.provenance[-1]["seed"] == 0


def test_a_network_that_finds_no_error_moves_nothing() -> None:
    """Damaged, but predicted as it is: only smoothing is left, which a body at rest does not feel."""
    clip = bent()
    result = restore_clip(clip, tiny_restorer(), CONFIG)
    np.testing.assert_allclose(result.joint_positions(), clip.joint_positions(), atol=2e-4)


def test_planted_feet_stand_still() -> None:
    """A dancer who glides to and fro, on feet that are said to stand, has the feet at rest on the floor."""
    clip = bent(150)
    sliding = replace(clip, root_position=(clip.root_position + _glide(150)).astype(np.float32))
    result = restore_clip(sliding, tiny_restorer(contact=20.0), CONFIG)
    assert _foot_steps(sliding).max() > 0.006 and _foot_steps(result)[5:-5].max() < 5e-4
    unplanted = replace(CONFIG, planting=PlantingConfig(plant=False))
    assert _foot_steps(restore_clip(sliding, tiny_restorer(contact=20.0), unplanted)).max() > 0.005


def test_another_skeleton_is_seen_on_the_scale_of_ours() -> None:
    """A child of half the size, doing the same, gives the same features."""
    clip = wandering_clip(60, joints=22)
    offsets = clip.skeleton.offsets * np.float32(0.5)
    small = replace(
        clip,
        skeleton=Skeleton(clip.skeleton.joint_names, clip.skeleton.parents, offsets),
        root_position=clip.root_position * np.float32(0.5),
    )
    np.testing.assert_allclose(observe(small).features, observe(clip).features, atol=2e-5)
    assert observe(small).scale == pytest.approx(2.0)


def test_a_far_floor_is_found_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    clip = bent()
    raised = replace(clip, root_position=clip.root_position + np.array([0, 1.5, 0], np.float32))
    with caplog.at_level(logging.WARNING):
        result = restore_clip(raised, tiny_restorer(contact=20.0), CONFIG)
    assert "1.50 m from y = 0" in caplog.text
    np.testing.assert_allclose(result.joint_positions(), raised.joint_positions(), atol=1e-3)


def test_centimetres_are_found_out() -> None:
    clip = wandering_clip(60, joints=22)
    offsets = clip.skeleton.offsets * np.float32(100)
    huge = replace(clip, skeleton=Skeleton(clip.skeleton.joint_names, clip.skeleton.parents, offsets))
    with pytest.raises(BadInput, match="perhaps the centimetre"):
        restore_clip(huge, tiny_restorer(), CONFIG)


def test_joints_that_are_not_ours_are_refused() -> None:
    clip = standing_clip(30)
    names = ("hips", *clip.skeleton.joint_names[1:])
    foreign = replace(clip, skeleton=Skeleton(names, clip.skeleton.parents, clip.skeleton.offsets))
    with pytest.raises(BadInput, match="not SMPL-X"):
        restore_clip(foreign, tiny_restorer(), CONFIG)


@pytest.mark.parametrize("frames", [1, 7])
def test_too_short_clips_pass(frames: int, caplog: pytest.LogCaptureFixture) -> None:
    clip = standing_clip(frames)
    assert restore_clip(clip, tiny_restorer(noise=1.0), CONFIG) is clip
    assert f"{frames} frames are too few" in caplog.text


def test_other_rates_come_out_at_thirty() -> None:
    clip = resample_clip(bent(60), 60.0)
    result = restore_clip(clip, tiny_restorer(), CONFIG)
    assert result.fps == 30.0 and result.frames == 60


def test_clips_are_restored_one_at_a_time() -> None:
    read: list[int] = []

    def clips() -> Iterator[MotionClip]:
        for number in range(3):
            read.append(number)
            yield standing_clip(20)

    results = restore_feet(clips(), tiny_restorer(), CONFIG)
    assert read == []
    next(results)
    assert read == [0]


def test_long_motion_has_no_seams() -> None:
    """Where nothing happens, nothing happens at the joins of windows either."""
    clip = bent(600)
    config = replace(CONFIG, planting=PlantingConfig(smooth=5.0))
    result = restore_clip(clip, tiny_restorer(contact=20.0, noise=0.02), config)
    steps = np.abs(np.diff(result.root_position[20:-20], axis=0)).max()
    assert steps < 4e-3


def test_the_path_follows_the_restored_steps() -> None:
    """The network takes 1 cm a frame of drift out of every other second; the body stays where it was on the whole."""
    clip = bent(240)
    drift = 0.05 * np.sin(np.arange(240) / 9)
    moved = replace(
        clip, root_position=clip.root_position + np.stack((drift, 0 * drift, 0 * drift), 1).astype(np.float32)
    )
    seen, truth = observe(moved), observe(clip)
    restored = told(truth.owned)
    path = root_path(moved.root_position, seen, restored, PlantingConfig(smooth=0.0, anchor=1e-3))
    rest = np.abs(path - clip.root_position)[20:-20]
    assert rest[:, [1, 2]].max() < 1e-3 and rest[:, 0].max() < 0.35 * 0.05
    assert seen.owned[:, PARTS["step"]].std() > 5 * truth.owned[:, PARTS["step"]].std()


def told(owned: np.ndarray, skating: float = 1.0, height: float = 1.0) -> RestoredColumns:
    """What a network would say that is sure of itself, and that no foot stands."""
    frames = len(owned)
    damaged = np.tile(np.array([skating, height], np.float32), (frames, 1))
    return RestoredColumns(owned, np.zeros((frames, 4), np.float32), damaged, np.ones(frames, np.float32))


def test_doubted_steps_give_way() -> None:
    """Ten steps of 1 cm that are to be taken back; those that are doubted a thousand times as much stay."""
    clip = bent(90)
    seen = observe(clip)
    owned = seen.owned.copy()
    owned[40:50, PARTS["step"].start] -= 0.01
    sure, unsure = told(owned), told(owned)
    unsure.doubt[40:50] = 1000.0
    config = PlantingConfig(smooth=0.0)
    moved = [np.ptp(root_path(clip.root_position, seen, each, config)[:, 0]) for each in (sure, unsure)]
    assert moved[0] > 0.06 and moved[1] < 0.005


@pytest.mark.parametrize(("skating", "height"), [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)])
def test_only_the_damage_that_is_found_is_mended(skating: float, height: float) -> None:
    """A network that would raise the body by 5 cm and take 1 cm off each of ten steps ahead."""
    clip = bent(90)
    seen = observe(clip)
    owned = seen.owned.copy()
    owned[:, PARTS["root"].start + 2] += 0.05
    owned[40:50, PARTS["step"].start] -= 0.01
    config = replace(CONFIG, planting=PlantingConfig(plant=False))
    result = rebuild(clip, seen, told(owned, skating, height), config)
    moved = np.ptp(result.root_position - clip.root_position, axis=0)
    raised = float((result.root_position - clip.root_position)[:, 1].mean())
    assert (moved[0] > 0.05) == (skating > 0) and moved[2] < 1e-3
    assert raised == pytest.approx(0.05 if skating or height else 0.0, abs=2e-3)
    assert (result is clip) == (not skating and not height)


def test_sunk_feet_are_found_without_the_network() -> None:
    """8 mm below the floor and deeper, surely; within 4 mm not at all; a second's mean decides."""
    clip = bent(90)
    for depth, expected in ((0.0, 0.0), (0.0039, 0.0), (0.006, 0.5), (0.012, 1.0)):
        sunk = replace(clip, root_position=clip.root_position - np.array([0, depth, 0], np.float32))
        np.testing.assert_allclose(sunk_share(sunk, 0.0), expected, atol=1e-3)
        np.testing.assert_allclose(sunk_share(sunk, -depth), 0.0, atol=1e-3)


def test_stillness_by_hand() -> None:
    """Slower than 1 cm a frame: 1; at 1.5 cm half; from 2 cm on none. The two steps around a frame count."""
    feet = np.zeros((5, 1, 3))
    feet[:, 0, 0] = np.cumsum([0, 0.005, 0.025, 0.015, 0.015])
    np.testing.assert_allclose(stillness(feet, 0.01)[:, 0], [1.0, 0.5, 0.0, 0.5, 0.5], atol=1e-6)
    feet[:, 0, 1] = 5.0
    feet[2:, 0, 1] = 0.0
    np.testing.assert_allclose(stillness(feet, 0.01)[:, 0], [1.0, 0.5, 0.0, 0.5, 0.5], atol=1e-6)


def test_damage_share_by_hand() -> None:
    """Nothing below 0.2, all from 0.6 on, half-way between half; smooth, so a lone frame is none."""
    levels = [damage_share(np.full(90, level), 30.0, 0.2)[45] for level in (0.19, 0.2, 0.4, 0.6, 1.0)]
    np.testing.assert_allclose(levels, [0, 0, 0.5, 1, 1], atol=1e-9)
    lone = np.zeros(90)
    lone[45] = 1.0
    assert not damage_share(lone, 30.0, 0.2).any()


def test_what_a_simulation_made_is_mended_throughout() -> None:
    clip, quiet = bent(90), tiny_restorer(damaged=-20.0, contact=20.0)
    simulated = clip.with_provenance("imitate")
    slid = replace(simulated, root_position=(clip.root_position + _glide(90)).astype(np.float32))
    auto, found = (restore_clip(slid, quiet, replace(CONFIG, mend=mend)) for mend in ("auto", "found"))
    assert np.array_equal(found.root_position, slid.root_position)
    assert _foot_steps(auto)[5:-5].max() < 5e-4 < 5e-3 < _foot_steps(found).max()


def _glide(frames: int) -> np.ndarray:
    return 0.03 * np.sin(np.arange(frames) / 5)[:, None] * np.array([1, 0, 0.5])


def _foot_steps(clip: MotionClip) -> np.ndarray:
    return np.linalg.norm(np.diff(clip.joint_positions()[:, FOOT_JOINTS], axis=0), axis=-1)


def test_smoothing_keeps_parabolas_and_halves_fast_shaking() -> None:
    times = np.arange(200.0)
    parabola = np.stack((times**2, 3 - times), axis=1)
    np.testing.assert_allclose(smoothed(parabola, 5.0), parabola, atol=1e-4)
    shaking = np.cos(2 * np.pi * times / 6)  # 2 sin(w/2) = 1 there: at weight 1 half is left
    np.testing.assert_allclose(smoothed(shaking[:, None], 1.0)[50:150, 0], 0.5 * shaking[50:150], atol=1e-3)


def test_feet_that_pass_low_are_raised_and_standing_ones_are_not() -> None:
    heights = np.array([0.0767, 0.0272])
    foot = np.zeros((60, 2, 3))
    foot[:, :, 1] = heights
    assert not foot_rise(foot, heights, 0.05).any()
    foot[20:40, :, 0] = 0.04 * np.arange(20)[:, None]
    foot[40:, :, 0] = foot[39, :, 0]
    rise = foot_rise(foot, heights, 0.05)
    assert rise[22:38].min() > 0.03 and rise.max() <= 0.05 and rise[:15].max() < 2e-3 and rise[45:].max() < 2e-3


def test_a_lifted_foot_rises_by_what_is_asked() -> None:
    clip = bent(60)
    glide = np.where(np.arange(60) < 30, 0.0, 0.03 * (np.arange(60) - 30))
    moving = replace(
        clip, root_position=clip.root_position + np.stack((glide, 0 * glide, 0 * glide), 1).astype(np.float32)
    )
    lifted = lift_feet(moving, np.ones(60), 0.04)
    rise = lifted.joint_positions()[:, 7, 1] - moving.joint_positions()[:, 7, 1]
    assert rise[:25].max() < 2e-3 and rise[35:55].min() > 0.03
    np.testing.assert_array_equal(lifted.root_position, moving.root_position)
    none = lift_feet(moving, np.zeros(60), 0.04)
    assert np.array_equal(none.joint_rotation, moving.joint_rotation)
