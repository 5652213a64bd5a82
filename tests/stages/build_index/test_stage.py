from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checkpoint import weights_sha256
from infinitedance_cli.models.dance_index import DanceIndex
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import Labels, MotionClip, Tokens
from infinitedance_cli.motion.features import clip_to_features, layout_named
from infinitedance_cli.stages.build_index.config import BuildIndexConfig
from infinitedance_cli.stages.build_index.stage import index_clips, window_starts
from tests.models.tiny_bundle import STEPS, danced_clip, tiny_retriever, tiny_tokenizer


@pytest.fixture(scope="module")
def networks() -> tuple[Tokenizer, Retriever]:
    return tiny_tokenizer(), tiny_retriever()


def build(
    clips: list[MotionClip], networks: tuple[Tokenizer, Retriever], config: BuildIndexConfig | None = None
) -> DanceIndex:
    return index_clips(clips, *networks, config or BuildIndexConfig(stride=4))


def z_scores(clip: MotionClip, tokenizer: Tokenizer) -> torch.Tensor:
    """Features of the clip's full steps, averaged over each, (S, D)."""
    rows = torch.from_numpy(clip_to_features(clip, layout_named("paper-259")))
    steps = len(rows) // 4
    return ((rows[: 4 * steps] - tokenizer.mean) / tokenizer.deviation).reshape(steps, 4, -1).mean(1)


def test_window_starts_by_hand() -> None:
    assert window_starts(20, 16, 4).tolist() == [0, 4]
    assert window_starts(22, 16, 4).tolist() == [0, 4, 6]  # the last one ends with the clip
    assert window_starts(16, 16, 4).tolist() == window_starts(5, 16, 4).tolist() == [0]
    assert window_starts(0, 16, 4).tolist() == []


@torch.no_grad()
def test_a_window_is_found_by_its_own_embedding(networks: tuple[Tokenizer, Retriever]) -> None:
    clips = [danced_clip(150, 0), danced_clip(150, 1)]
    index = build(clips, networks)
    assert (len(index), index.window_steps) == (2 * 7, STEPS)  # starts 0, 4, …, 20, 21 of 37 steps
    rows = z_scores(clips[1], networks[0])[8 : 8 + STEPS]
    (hits,) = index.search(networks[1].embed_motion(rows[None]).numpy(), 1)
    assert (hits[0].clip, hits[0].start_step) == (1, 8) and hits[0].similarity == pytest.approx(1, abs=1e-5)
    codes = networks[0].encode(torch.from_numpy(clip_to_features(clips[1], layout_named("paper-259")))[None])
    np.testing.assert_array_equal(index.codes(hits[0]), codes[0, 8 : 8 + STEPS].numpy())


@torch.no_grad()
def test_a_short_clip_is_one_window_repeated(networks: tuple[Tokenizer, Retriever]) -> None:
    clip = danced_clip(42)  # 10 steps
    index = build([clip], networks)
    rows = z_scores(clip, networks[0])
    repeated = torch.cat([rows, rows])[:STEPS]
    (hits,) = index.search(networks[1].embed_motion(repeated[None]).numpy(), 5)
    assert len(hits) == 1 and hits[0].similarity == pytest.approx(1, abs=1e-5)
    assert len(index.codes(hits[0])) == 10


def test_genre_and_origin(networks: tuple[Tokenizer, Retriever]) -> None:
    plain = replace(danced_clip(80, 1), extra={}, labels=None)
    index = build([replace(danced_clip(80), labels=Labels("Hip Hop")), plain], networks)
    first, second = index.clips
    assert (first.genre, second.genre) == ("hip-hop", "")
    assert first.provenance == {"source": "made-up", "licence": "CC0", "credit": "nobody"} and second.provenance == {}
    assert index.details == {
        "codebook_sha256": networks[0].codebook_sha256,
        "retriever_sha256": weights_sha256(networks[1]),
        "stride_steps": 4,
    }


def test_tokens_that_a_clip_brings_along(networks: tuple[Tokenizer, Retriever]) -> None:
    mine = Tokens(np.full((20, 3), 5, np.int16), 4, networks[0].codebook_sha256)
    foreign = replace(mine, codebook_sha256="0" * 64)
    short = replace(mine, codes=mine.codes[:3])
    clips = [replace(danced_clip(80, n), tokens=tokens) for n, tokens in enumerate((mine, foreign, short))]
    own = [(clip.codes == 5).all() for clip in build(clips, networks).clips]
    assert own == [True, False, False]
    assert [len(clip.codes) for clip in build(clips, networks).clips] == [19, 19, 19]


def test_clips_left_out(networks: tuple[Tokenizer, Retriever], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "infinitedance_cli")
    clips = [
        danced_clip(80, 0),
        danced_clip(80, 1, split="held_out"),
        replace(danced_clip(80, 2), labels=Labels("other")),
        replace(danced_clip(80, 3), labels=None, extra={}),
    ]

    def kept(**options: object) -> list[str]:
        config = BuildIndexConfig(stride=4, **options)  # type: ignore[arg-type]
        return [clip.clip_id[-1] for clip in build(clips, networks, config).clips]

    assert kept() == ["0", "1", "2", "3"]
    assert kept(split="train") == ["0", "2", "3"]
    assert kept(genres_only=True) == ["0", "1"]
    assert kept(split="train", genres_only=True) == ["0"]
    assert "3 clips left out" in caplog.text
    with pytest.raises(BadInput, match="nothing to index"):
        kept(split="test")


def test_a_clip_shorter_than_a_step(networks: tuple[Tokenizer, Retriever], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "infinitedance_cli")
    assert len(build([danced_clip(4), danced_clip(80, 1)], networks).clips) == 1
    assert "wandering-0: left out" in caplog.text


def test_a_retriever_of_other_features(networks: tuple[Tokenizer, Retriever]) -> None:
    other = Retriever(RetrieverConfig(motion_dim=264, music_dim=4, length=8, width=8, heads=2, layers=1))
    with pytest.raises(BadInput, match="reads 264 motion features, the tokenizer has 259"):
        build([danced_clip(80)], (networks[0], other))
