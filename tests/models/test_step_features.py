from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.step_features import (
    body_features,
    decode_codes,
    encode_features,
    prolonged,
    step_features,
    tokens_that_fit,
)
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import FootContacts, Tokens
from tests.models.tiny_bundle import danced_clip, tiny_tokenizer
from tests.motion.samples import standing_clip


def test_steady_motion_goes_on_steadily() -> None:
    """1 cm along x and 0.1 rad about y a frame, with quaternions of either sign."""
    clip = standing_clip(20)
    time = np.arange(24)

    def moved(count: int) -> tuple[np.ndarray, np.ndarray]:
        root = clip.root_position[:1] + np.outer(0.01 * time[:count], [1, 0, 0]).astype(np.float32)
        joints = np.repeat(clip.joint_rotation[:1], count, axis=0)
        joints[:, 0] = rotation.about_axis("y", 0.1 * time[:count])
        return root.astype(np.float32), joints.astype(np.float32)

    root, joints = moved(20)
    joints[-1, 0] *= -1
    contacts = FootContacts(np.ones((20, 1), bool), ("left_foot",))
    longer = prolonged(replace(clip, root_position=root, joint_rotation=joints, contacts=contacts), 24)
    expected_root, expected_joints = moved(24)
    np.testing.assert_allclose(longer.root_position, expected_root, atol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(longer.joint_rotation * expected_joints, axis=-1)), 1, atol=1e-6)
    assert longer.contacts is None
    assert prolonged(clip, 12) is clip


def test_codes_and_mean_features_of_full_steps() -> None:
    tokenizer, clip = tiny_tokenizer(), danced_clip(44)
    features = body_features(clip, "paper-259")
    assert len(features) == 43
    steps = step_features(clip, tokenizer)
    assert steps.codes.shape == (10, 3) and steps.codes.dtype == np.int16
    np.testing.assert_array_equal(steps.codes, tokenizer.encode(torch.from_numpy(features)[None])[0].numpy())
    z = (features - tokenizer.mean.numpy()) / tokenizer.deviation.numpy()
    np.testing.assert_allclose(steps.motion[9], z[36:40].mean(0), atol=1e-4)


def test_given_codes_are_taken() -> None:
    codes = np.full((11, 3), 3, np.int16)
    steps = step_features(danced_clip(44), tiny_tokenizer(), codes)
    assert steps.codes.shape == (10, 3) and (steps.codes == 3).all()
    assert len(step_features(danced_clip(44), tiny_tokenizer(), codes[:4]).motion) == 4


def test_there_and_back_in_pieces() -> None:
    tokenizer = tiny_tokenizer()
    features = body_features(danced_clip(150), "paper-259")
    codes = encode_features(features, tokenizer, window=5)
    np.testing.assert_array_equal(codes, encode_features(features, tokenizer))
    decoded = decode_codes(codes, tokenizer, window=5)
    whole = tokenizer.decode(torch.from_numpy(codes.astype(np.int64))[None])[0].numpy()
    np.testing.assert_allclose(decoded, whole, atol=1e-5)
    assert encode_features(features[:3], tokenizer).shape == (0, 3)


def test_which_tokens_fit() -> None:
    tokens = Tokens(np.zeros((10, 3), np.int16), 4, "abc")

    def fit(frames: int, sha256: str = "abc") -> bool:
        return tokens_that_fit(replace(danced_clip(frames), tokens=tokens), sha256) is not None

    assert fit(40) and fit(43) and not fit(44) and not fit(40, "abd")
    assert tokens_that_fit(danced_clip(40), "abc") is None


def test_one_frame_has_no_features() -> None:
    clip = danced_clip(40)
    one = replace(clip, root_position=clip.root_position[:1], joint_rotation=clip.joint_rotation[:1])
    with pytest.raises(BadInput, match="clip wandering-0: it has one frame"):
        body_features(one, "paper-259")
