from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.step_features import prolonged
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import Body, Dataset, FootContacts, Group, MotionClip, Tokens
from infinitedance_cli.motion.features import clip_placement, clip_to_features, layout_named
from infinitedance_cli.motion.resample import resample_clip
from infinitedance_cli.motion.retarget import on_default_body
from infinitedance_cli.stages.tokenize.config import TokenizeConfig
from infinitedance_cli.stages.tokenize.stage import covering_features, detokenize, tokenize
from infinitedance_cli.stages.tokenize.statistics import measure
from tests.models.tiny_bundle import danced_clip, tiny_tokenizer

LAYOUT = layout_named("paper-259")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def run(clip: MotionClip, tokenizer: Tokenizer, config: TokenizeConfig | None = None) -> MotionClip:
    (result,) = tokenize([clip], tokenizer, config or TokenizeConfig())
    return result


def back(clip: MotionClip, tokenizer: Tokenizer) -> MotionClip:
    (result,) = detokenize([clip], tokenizer, TokenizeConfig())
    return result


def test_tokens_are_the_codes_of_the_features_and_nothing_else_changes(tokenizer: Tokenizer) -> None:
    clip = danced_clip(121)
    result = run(clip, tokenizer)
    assert result.tokens is not None
    assert result.tokens.stride_frames == 4 and result.tokens.codebook_sha256 == tokenizer.codebook_sha256
    assert result.tokens.codes.shape == (31, 3)  # the last of 121 frames begins a step
    rows = torch.from_numpy(clip_to_features(prolonged(clip, 125), LAYOUT))[None]
    np.testing.assert_array_equal(result.tokens.codes, tokenizer.encode(rows, TokenizeConfig().refine)[0].numpy())
    for name in ("skeleton", "root_position", "joint_rotation", "music", "labels", "extra"):
        assert getattr(result, name) is getattr(clip, name)
    assert result.provenance[-1]["stage"] == "tokenize"


def test_features_cover_every_frame_and_go_on_at_the_same_speed(tokenizer: Tokenizer) -> None:
    clip = danced_clip(41)
    rows = covering_features(clip, tokenizer)
    assert len(rows) == 44
    height = rows[:, LAYOUT.block("root_height")][:, 0]  # does not depend on the heading, which is smoothed over frames
    np.testing.assert_allclose(height[:41], clip.root_position[:, 1], atol=1e-6)
    step = clip.root_position[-1, 1] - clip.root_position[-2, 1]
    np.testing.assert_allclose(np.diff(height[40:]), np.full(3, step), atol=1e-6)


def test_windows_change_nothing(tokenizer: Tokenizer) -> None:
    whole, cut = (run(danced_clip(150), tokenizer, TokenizeConfig(refine=0, window_steps=n)).tokens for n in (256, 3))
    assert whole is not None and cut is not None
    np.testing.assert_array_equal(whole.codes, cut.codes)


def test_refined_codes_decode_nearer_to_the_motion(tokenizer: Tokenizer) -> None:
    clip = danced_clip(150)
    plain, refined = (measure([clip], tokenizer, TokenizeConfig(refine=passes)).total.mpjpe_mm for passes in (0, 10))
    assert refined < plain


def test_another_frame_rate_is_brought_to_thirty(tokenizer: Tokenizer) -> None:
    result = run(replace(danced_clip(120), fps=60.0), tokenizer)
    assert (result.fps, result.frames) == (30.0, 60)
    assert result.tokens is not None and len(result.tokens.codes) == 15
    expected = run(resample_clip(replace(danced_clip(120), fps=60.0), 30.0), tokenizer).tokens
    assert expected is not None
    np.testing.assert_array_equal(result.tokens.codes, expected.codes)


def test_one_clip_is_held_at_a_time(tokenizer: Tokenizer) -> None:
    asked = []

    def clips() -> Iterator[MotionClip]:
        for seed in range(3):
            asked.append(seed)
            yield danced_clip(40, seed)

    results = tokenize(clips(), tokenizer, TokenizeConfig())
    assert asked == []
    next(results)
    assert asked == [0]


def test_decoded_motion_starts_where_the_clip_starts_and_is_as_long(tokenizer: Tokenizer) -> None:
    clip = danced_clip(117, joints=55)
    clip = replace(
        clip,
        body=Body(expression=np.zeros((117, 2), np.float32)),
        contacts=FootContacts(np.zeros((117, 4), bool), ("a", "b", "c", "d")),
        extra={"capture": Group({"confidence": Dataset(np.ones(117, np.float32), {"units": "1"})})},
    )
    decoded = back(run(clip, tokenizer), tokenizer)
    assert decoded.frames == 117 and decoded.skeleton.joint_count == 55
    start, expected = clip_placement(decoded), clip_placement(clip)
    assert (start.x, start.z) == pytest.approx((expected.x, expected.z), abs=1e-5)
    assert start.heading == pytest.approx(expected.heading, abs=0.3)
    for name in ("labels", "music", "extra"):
        assert getattr(decoded, name) is getattr(clip, name)
    assert decoded.contacts is None and decoded.body is not None and decoded.body.expression is not None
    assert len(decoded.body.expression) == 117
    np.testing.assert_array_equal(decoded.joint_rotation[:, 22:], clip.joint_rotation[:, 22:])
    assert np.abs(decoded.joint_rotation[:, :22] - clip.joint_rotation[:, :22]).max() > 0.01
    assert [record["stage"] for record in decoded.provenance[-2:]] == ["tokenize", "detokenize"]


def test_decoded_motion_has_the_features_of_the_codes(tokenizer: Tokenizer) -> None:
    clip = run(danced_clip(120), tokenizer)
    assert clip.tokens is not None
    codes = torch.from_numpy(clip.tokens.codes.astype(np.int64))[None]
    expected = tokenizer.decode(codes)[0].numpy()
    found = clip_to_features(back(clip, tokenizer), LAYOUT)
    height = LAYOUT.block("root_height")
    np.testing.assert_allclose(found[:, height], expected[:119, height], atol=1e-4)


def test_tokens_shorter_than_the_clip_give_what_they_hold(tokenizer: Tokenizer) -> None:
    clip = run(danced_clip(117), tokenizer)
    assert clip.tokens is not None
    short = replace(clip, tokens=replace(clip.tokens, codes=clip.tokens.codes[:10]))
    assert back(short, tokenizer).frames == 40


def _with_tokens(**changes: object) -> MotionClip:
    tokens = Tokens(np.zeros((10, 3), np.int16), 4, tiny_tokenizer().codebook_sha256)
    return replace(danced_clip(40), tokens=replace(tokens, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (danced_clip(40), "it has no tokens to decode"),
        (_with_tokens(codes=np.zeros((0, 3), np.int16)), "it has no tokens to decode"),
        (
            _with_tokens(codebook_sha256="ab" * 32),
            "its tokens belong to the codebook abababababab…, this tokenizer has",
        ),
        (_with_tokens(stride_frames=8), "8 frames a token at 30 fps; this tokenizer has 4"),
        (_with_tokens(codes=np.full((10, 3), 32, np.int16)), r"codes \(10, 3\) from 32 to 32; expected 3 columns"),
        (_with_tokens(codes=np.zeros((10, 2), np.int16)), r"codes \(10, 2\) from 0 to 0; expected 3 columns"),
        (replace(_with_tokens(), fps=60.0), "4 frames a token at 60 fps"),
    ],
)
def test_tokens_that_cannot_be_decoded(tokenizer: Tokenizer, clip: MotionClip, message: str) -> None:
    with pytest.raises(BadInput, match=f"clip wandering-0: {message}"):
        back(clip, tokenizer)


def test_clips_that_cannot_be_tokenised(tokenizer: Tokenizer) -> None:
    clip = danced_clip(40)
    with pytest.raises(BadInput, match="it has one frame"):
        run(replace(clip, root_position=clip.root_position[:1], joint_rotation=clip.joint_rotation[:1]), tokenizer)
    other = replace(clip.skeleton, joint_names=tuple(name.upper() for name in clip.skeleton.joint_names))
    with pytest.raises(BadInput, match="joints are not SMPL-X's"):
        run(replace(clip, skeleton=other), tokenizer)


def test_a_body_of_other_bone_lengths_is_put_on_the_default_one(
    tokenizer: Tokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    clip = danced_clip(40)
    taller = replace(clip, skeleton=replace(clip.skeleton, offsets=clip.skeleton.offsets * 1.2))
    with caplog.at_level(logging.INFO, "infinitedance_cli"):
        result = run(taller, tokenizer)
    ours = on_default_body(taller)
    assert result.skeleton.matches(clip.skeleton) and "wandering-0: put on the default skeleton" in caplog.text
    np.testing.assert_array_equal(result.root_position, ours.root_position)
    assert result.tokens is not None and run(ours, tokenizer).tokens is not None
    np.testing.assert_array_equal(result.tokens.codes, run(ours, tokenizer).tokens.codes)  # type: ignore[union-attr]
