from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.stages.tokenize.config import TokenizeConfig
from infinitedance_cli.stages.tokenize.stage import tokenize
from infinitedance_cli.stages.tokenize.statistics import as_json, as_table, layer_use, measure
from tests.models.tiny_bundle import danced_clip, tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def test_use_of_a_layer_by_hand() -> None:
    even = layer_use(1, np.array([5, 0, 5, 5, 5]))
    assert (even.used, even.dead) == (4, 1) and even.perplexity == pytest.approx(4.0)
    # Shares 3/4 and 1/4: exp(-(3/4 ln 3/4 + 1/4 ln 1/4)).
    assert layer_use(2, np.array([3, 1, 0])).perplexity == pytest.approx(4 / 3**0.75)
    assert layer_use(3, np.zeros(4, int)).perplexity == 0.0


def test_codes_are_counted_over_all_clips(tokenizer: Tokenizer) -> None:
    clips = list(tokenize([danced_clip(90, 0), danced_clip(60, 1)], tokenizer, TokenizeConfig()))
    found = measure(clips, tokenizer, TokenizeConfig())
    codes = np.concatenate([clip.tokens.codes for clip in clips if clip.tokens])
    assert found.steps == len(codes) == 23 + 15
    for layer, use in enumerate(found.layers):
        assert (use.layer, use.used) == (layer + 1, len(set(codes[:, layer].tolist())))
        assert use.used + use.dead == 32
    first, second = found.clips
    assert found.total.frames == 150
    assert found.total.mpjpe_mm == pytest.approx((90 * first.mpjpe_mm + 60 * second.mpjpe_mm) / 150)


def test_tokens_of_a_clip_are_taken_and_foreign_ones_are_not(tokenizer: Tokenizer) -> None:
    (clip,) = tokenize([danced_clip(60)], tokenizer, TokenizeConfig())
    assert clip.tokens is not None
    codes = np.full_like(clip.tokens.codes, 7)
    zeros = type(clip.tokens)(codes, 4, clip.tokens.codebook_sha256)
    spoiled = type(clip)(**{**vars(clip), "tokens": zeros})
    assert [use.used for use in measure([spoiled], tokenizer, TokenizeConfig()).layers] == [1, 1, 1]
    foreign = type(clip)(**{**vars(clip), "tokens": type(zeros)(codes, 4, "0" * 64)})
    assert measure([foreign], tokenizer, TokenizeConfig()).layers == measure([clip], tokenizer, TokenizeConfig()).layers


def test_a_table_for_people_and_plain_values_for_programs(tokenizer: Tokenizer) -> None:
    found = measure([danced_clip(60), danced_clip(60, 1)], tokenizer, TokenizeConfig())
    lines = as_table(found).splitlines()
    assert len(lines) == 2 + 4 + 2 + 3
    assert lines[-1].split()[0] == "all" and float(lines[-1].split()[2]) == pytest.approx(found.total.mpjpe_mm, abs=0.1)
    plain = as_json(found)
    assert plain["all"] == {
        "frames": 120,
        "mpjpe_mm": found.total.mpjpe_mm,
        "jitter_ratio": found.total.jitter_ratio,
    }
    assert [row["clip_id"] for row in plain["clips"]] == ["wandering-0", "wandering-1"]


def test_a_clip_too_short_for_jerk_has_no_ratio(tokenizer: Tokenizer) -> None:
    found = measure([danced_clip(3)], tokenizer, TokenizeConfig())
    assert found.clips[0].jitter_ratio is None and "–" in as_table(found)


def test_nothing_to_measure(tokenizer: Tokenizer) -> None:
    with pytest.raises(BadInput, match="no clips to measure"):
        measure([], tokenizer, TokenizeConfig())
