from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.features import features_to_clip
from infinitedance_cli.motion.features.layout import PAPER_259
from infinitedance_cli.motion.features.trajectory import decode_angles
from infinitedance_cli.motion.footlock import lock_feet
from infinitedance_cli.motion.ground import ground
from infinitedance_cli.motion.retarget.hands import relaxed_hands
from infinitedance_cli.motion.sequence import cut, join
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.motion.stance import carry_by_stance
from infinitedance_cli.motion.warp import BeatWarp, align_to_beats
from infinitedance_cli.stages.generate.config import FinishConfig
from infinitedance_cli.stages.generate.finish import align_in_pieces, decode_codes, finish, plant_in_pieces
from infinitedance_cli.stages.generate.pieces import pieces
from tests.models.tiny_bundle import tiny_tokenizer
from tests.motion.samples import standing_clip, wandering_clip


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def test_pieces_cover_every_frame_once_and_read_around_themselves() -> None:
    found = list(pieces(10, margin=3, length=4))
    assert [(piece.start, piece.end, piece.first, piece.stop) for piece in found] == [
        (0, 4, 0, 7),
        (4, 8, 1, 10),
        (8, 10, 5, 10),
    ]
    assert [np.arange(10)[piece.first : piece.stop][piece.kept].tolist() for piece in found] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]


def test_joined_parts_keep_the_sign_of_their_quaternions() -> None:
    clip = wandering_clip(40, joints=22)
    first, second = cut(clip, slice(0, 25)), cut(clip, slice(25, 40))
    joined = join([first, replace(second, joint_rotation=-second.joint_rotation)])
    np.testing.assert_array_equal(joined.joint_rotation, clip.joint_rotation)
    np.testing.assert_array_equal(joined.root_position, clip.root_position)


def test_a_dance_decoded_in_windows_is_the_dance_decoded_at_once(tokenizer: Tokenizer) -> None:
    """Three windows of the decoder: path and heading go on from one to the next."""
    codes = np.random.default_rng(3).integers(0, 32, (600, 3))
    with torch.inference_mode():
        features = tokenizer.decode(torch.from_numpy(codes)[None])[0].numpy()
    whole = features_to_clip(features, PAPER_259, default_skeleton(22))
    clip = decode_codes(tokenizer, codes, 2398, "dance")
    assert (clip.frames, clip.clip_id) == (2398, "dance")
    assert np.linalg.norm(whole.root_position[1024] - whole.root_position[0]) > 0.1
    assert abs(decode_angles(features, PAPER_259)[1024]) > 0.1
    np.testing.assert_allclose(clip.root_position, whole.root_position[:2398], atol=2e-3)
    np.testing.assert_allclose(clip.joint_positions(), whole.joint_positions()[:2398], atol=3e-3)


def test_feet_are_planted_alike_in_pieces_and_at_once() -> None:
    clip = wandering_clip(1500, joints=22, turn=0.01)
    whole = lock_feet(carry_by_stance(ground(clip)))
    parts = plant_in_pieces(clip, FinishConfig(), length=500)
    assert np.abs(whole.root_position - clip.root_position).max() > 0.05
    assert whole.contacts is not None and parts.contacts is not None and whole.contacts.planted.any()
    np.testing.assert_array_equal(parts.contacts.planted, whole.contacts.planted)
    np.testing.assert_allclose(parts.joint_positions(), whole.joint_positions(), atol=1e-4)


def test_timing_is_moved_alike_in_pieces_and_at_once() -> None:
    clip, beats = wandering_clip(1500, joints=22), np.arange(7.0, 1500, 15.3)
    whole, parts = align_to_beats(clip, beats), align_in_pieces(clip, beats, BeatWarp(), length=400)
    assert np.abs(whole.root_position - clip.root_position).max() > 0.01
    np.testing.assert_allclose(parts.joint_rotation, whole.joint_rotation, atol=1e-6)
    np.testing.assert_allclose(parts.root_position, whole.root_position, atol=1e-6)


def test_hands_are_at_ease_and_the_body_is_left_alone() -> None:
    clip = wandering_clip(30, joints=22)
    bare = finish(
        clip, np.zeros(0), FinishConfig(ground=False, carry_by_stance=False, lock_feet=False, align_beats=False)
    )
    assert bare.skeleton == default_skeleton()
    np.testing.assert_array_equal(bare.joint_rotation[:, :22], clip.joint_rotation)
    for side, rotations in relaxed_hands().items():
        first = bare.skeleton.joint_names.index(f"{side}_index1")
        np.testing.assert_array_equal(
            bare.joint_rotation[5, first : first + len(rotations)], rotations.astype(np.float32)
        )


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_dance_of_a_moment(frames: int) -> None:
    clip = finish(standing_clip(frames), np.array([0.01, 0.1]), FinishConfig())
    assert clip.frames == frames
    assert np.abs(clip.joint_positions()[:, 15] - standing_clip(frames).joint_positions()[:, 15]).max() < 0.02
