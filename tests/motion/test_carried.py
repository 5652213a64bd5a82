"""Features that travel beside a clip whose body cannot hold them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import RELEASE_264, carried_joints, clip_to_features, features_to_joints
from infinitedance_cli.motion.resample import with_joint_count
from infinitedance_cli.stream.ports import read_clips, write_clips
from tests.motion import plain_release as plain
from tests.motion.samples import wandering_clip


@pytest.fixture
def rows() -> np.ndarray:
    """Rows as a network decodes them: bones have another length in every frame."""
    rows = clip_to_features(wandering_clip(41), RELEASE_264)
    rows += np.random.default_rng(0).normal(scale=0.02, size=rows.shape).astype(np.float32)
    return rows


@pytest.fixture
def clip(rows: np.ndarray, tmp_path: Path) -> MotionClip:
    np.save(tmp_path / "dance.264.npy", rows)
    return next(iter(read_clips([str(tmp_path / "dance.264.npy")])))


@pytest.mark.parametrize("on_the_way", ["dance.h5", None])
def test_rows_and_their_joints_come_out_as_they_went_in(
    clip: MotionClip, rows: np.ndarray, tmp_path: Path, on_the_way: str | None
) -> None:
    if on_the_way:
        write_clips([clip], str(tmp_path / on_the_way))
        clip = next(iter(read_clips([str(tmp_path / on_the_way)])))
    write_clips([clip], str(tmp_path / "out.264.npy"))
    write_clips([clip], str(tmp_path / "joints.npy"))
    assert np.array_equal(np.load(tmp_path / "out.264.npy"), rows)
    joints = np.load(tmp_path / "joints.npy")
    assert joints.shape == (40, 22, 3)
    assert np.abs(joints - plain.recover(rows)).max() < 1e-4
    assert np.abs(joints - clip.joint_positions()[:, :22]).max() > 0.01  # which the clip itself cannot hold


def test_hands_leave_them_valid_and_another_motion_does_not(clip: MotionClip, rows: np.ndarray) -> None:
    expected = features_to_joints(rows, RELEASE_264)
    assert np.array_equal(carried_joints(with_joint_count(clip, 22), RELEASE_264), expected)
    moved = replace(clip, root_position=clip.root_position + np.float32(0.1))
    assert carried_joints(moved, RELEASE_264) is None
    assert carried_joints(replace(clip, fps=60.0), RELEASE_264) is None
    turned = clip.joint_rotation.copy()
    turned[3, 18] = [0.0, 1.0, 0.0, 0.0]
    assert carried_joints(replace(clip, joint_rotation=turned), RELEASE_264) is None


def test_the_releases_own_extraction_is_an_ending_of_its_own(tmp_path: Path) -> None:
    clip = wandering_clip(120, seed=3, turn=0.1)
    write_clips([clip], str(tmp_path / "a.release.264.npy"))
    expected = plain.extract(plain.place(plain.uniform_skeleton(clip.joint_positions()[:, :22].astype(np.float64))))
    found = np.load(tmp_path / "a.release.264.npy")
    assert np.abs(found - expected).max() < 1e-4
    assert np.abs(found[:, 2] - clip_to_features(clip, RELEASE_264)[:, 2]).max() > 0.01
    back = next(iter(read_clips([str(tmp_path / "a.release.264.npy")])))
    assert back.frames == 119 and back.clip_id == "a"
