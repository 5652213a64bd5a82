from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import Labels
from infinitedance_cli.motion.features import clip_to_features, layout_named
from infinitedance_cli.stages.train.pairs import Draw, Pair, cut, draw_windows, load_pairs, make_pair
from tests.models.tiny_bundle import danced_clip, tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def empty_pair(steps: int, source: str = "a") -> Pair:
    return Pair(source, source, "", np.zeros((steps, 3), np.int16), *np.zeros((2, steps, 2), np.float16))


def test_music_and_motion_are_those_of_the_step(tokenizer: Tokenizer) -> None:
    """A music feature that is the time in seconds reads, at step s, the moments s·4/30 s + 1/6, 3/6, 5/6 of a step."""
    clip = danced_clip(90)
    assert clip.music is not None
    times = (np.arange(90) / 25)[:, None].astype(np.float16)
    pair = make_pair(replace(clip, music=replace(clip.music, features=times)), tokenizer)
    assert pair.steps == len(pair.music) == len(pair.motion) == 22  # 89 features
    expected = (np.arange(22)[:, None] + np.array([1, 3, 5]) / 6) * 4 / 30
    np.testing.assert_allclose(pair.music, expected, atol=2e-3)
    rows = torch.from_numpy(clip_to_features(clip, layout_named("paper-259")))
    mean = tokenizer.normalise(rows)[4 * 7 : 4 * 8].mean(0)
    np.testing.assert_allclose(pair.motion[7], mean.numpy(), atol=2e-3)
    np.testing.assert_array_equal(pair.codes, tokenizer.encode(rows[None])[0].numpy())


def test_variants_share_their_source_and_labels_their_spelling(tokenizer: Tokenizer) -> None:
    clip = replace(danced_clip(60), clip_id="solo#3", labels=Labels("Hip Hop"))
    pair = make_pair(clip, tokenizer)
    assert (pair.clip, pair.source, pair.genre) == ("solo#3", "solo", "hip-hop")


def test_a_clip_without_music_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(BadInput, match="clip wandering-0: it has no music features"):
        make_pair(replace(danced_clip(60), music=None), tokenizer)


def test_pairs_by_split(tokenizer: Tokenizer) -> None:
    pairs = load_pairs([danced_clip(60), danced_clip(60, 1, split="held_out"), danced_clip(30, 2)], tokenizer)
    assert [pair.clip for pair in pairs.train] == ["wandering-0"] and pairs.genres == ("breaking",)
    assert [pair.clip for pair in pairs.held_out] == ["wandering-1"]
    with pytest.raises(BadInput, match="no training clip of 8 steps"):
        load_pairs([danced_clip(60, split="held_out"), danced_clip(30)], tokenizer)


def test_music_of_two_encoders_does_not_mix(tokenizer: Tokenizer) -> None:
    first, second = danced_clip(60), danced_clip(60, 1)
    assert second.music is not None
    other = replace(second, music=replace(second.music, encoder="loudness"))
    assert load_pairs([first, second], tokenizer).encoder == "spectral"
    with pytest.raises(BadInput, match=r"several encoders \(loudness, spectral\)"):
        load_pairs([first, other], tokenizer)


def test_windows_lie_within_their_clips() -> None:
    pairs = [empty_pair(5), empty_pair(40), empty_pair(400)]
    draws = draw_windows(pairs, 300, 16, np.random.default_rng(0))
    assert {draw.pair for draw in draws} == {0, 1, 2}
    for draw in draws:
        steps = pairs[draw.pair].steps
        assert draw.steps == min(16, steps) and 0 <= draw.start <= steps - draw.steps
    assert {draw.start for draw in draws if draw.pair == 1} == set(range(25))


def test_a_window_past_the_end_repeats_its_last_row() -> None:
    rows = np.arange(10)
    assert cut(rows, Draw(0, 3, 4), 6).tolist() == [3, 4, 5, 6, 6, 6]
