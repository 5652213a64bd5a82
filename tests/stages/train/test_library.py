from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import clip_to_features, layout_named
from infinitedance_cli.motion.retarget import on_default_body
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stages.train.augment import AugmentConfig
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.library import FeaturePool, load_library, to_features, to_motion
from tests.models.tiny_bundle import danced_clip
from tests.motion.samples import wandering_clip


def pool(seed: int = 0) -> FeaturePool:
    motions = [to_motion(wandering_clip(90, number)) for number in range(3)]
    return FeaturePool(motions, "paper-259", AugmentConfig(), seed=seed, window=32, renew_every=10)


def test_windows_depend_on_seed_step_and_stream_only() -> None:
    used = pool()
    for step in (0, 3, 24):
        used.windows(Pass(step, 4))
    np.testing.assert_array_equal(used.windows(Pass(25, 4, 1)), pool().windows(Pass(25, 4, 1)))
    np.testing.assert_array_equal(used.windows(Pass(3, 4)), pool().windows(Pass(3, 4)))  # back again
    for other in (pool(seed=1).windows(Pass(25, 4, 1)), pool().windows(Pass(26, 4, 1)), pool().windows(Pass(25, 4))):
        assert np.abs(other - used.windows(Pass(25, 4, 1))).max() > 0


def test_windows_are_pieces_of_the_sequences_in_use() -> None:
    used = pool()
    sequences = used.sequences(7)
    for window in used.windows(Pass(7, 5)):
        assert any(
            np.array_equal(window, sequence[start : start + 32])
            for sequence in sequences
            for start in range(len(sequence) - 31)
        )


def test_the_oldest_variants_go_first() -> None:
    used = pool()
    before, after = used.sequences(9), used.sequences(10)
    assert len(before) == len(after) == 9
    for kept, old in zip(after[:6], before[3:], strict=True):
        assert kept is old
    assert not any(np.array_equal(new, old) for new in after[6:] for old in before)


def test_features_of_a_motion_are_those_of_its_clip() -> None:
    clip = wandering_clip(40)
    rows = to_features(to_motion(clip), "paper-259")
    np.testing.assert_array_equal(rows, clip_to_features(clip, layout_named("paper-259")))


def test_clips_are_sorted_by_their_split() -> None:
    clips = [danced_clip(60, 0), danced_clip(60, 1, split="held_out"), wandering_clip(60, 2), danced_clip(20, 3)]
    library = load_library(clips, minimum_frames=30)
    assert [motion.clip for motion in library.train] == ["wandering-0", "wandering-2"]
    assert [motion.clip for motion in library.held_out] == ["wandering-1"]
    assert library.genres == ("breaking",)


def test_nothing_to_train_on() -> None:
    with pytest.raises(BadInput, match="1 training clips, none of 30 frames or more"):
        load_library([danced_clip(20), danced_clip(60, split="held_out")], minimum_frames=30)


def _taller(clip: MotionClip) -> MotionClip:
    skeleton = clip.skeleton
    return replace(clip, skeleton=Skeleton(skeleton.joint_names, skeleton.parents, skeleton.offsets * 1.1))


def test_other_bodies_and_rates_are_made_what_networks_know() -> None:
    clip = wandering_clip(40, joints=22)
    faster, taller = replace(clip, fps=60.0), _taller(clip)
    motions = load_library([faster, taller], minimum_frames=10).train
    assert [motion.frames for motion in motions] == [20, 40]
    np.testing.assert_array_equal(motions[1].root_position, on_default_body(taller).root_position)


def test_clips_of_other_joints_are_refused() -> None:
    clip = wandering_clip(40, joints=22)
    names = tuple(name.upper() for name in clip.skeleton.joint_names)
    with pytest.raises(BadInput, match="clip wandering-0: its 22 joints are not SMPL-X's"):
        load_library([replace(clip, skeleton=replace(clip.skeleton, joint_names=names))], minimum_frames=10)
