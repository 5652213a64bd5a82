"""The retrieval network: loss by hand, attention by its definition, released shapes, overfitting."""

from __future__ import annotations

import math

import pytest
import torch

from infinitedance_cli.errors import BadInput, ConfigError
from infinitedance_cli.models.retriever import EfficientAttention, Retriever, RetrieverConfig, info_nce
from tests.models.release_shapes import released_shapes, shapes_of

_SMALL = RetrieverConfig(motion_dim=5, music_dim=3, length=12, width=16, layers=2, heads=2, feedforward=32, dropout=0.0)


def test_release_has_the_released_names_and_shapes() -> None:
    with torch.device("meta"):
        model = Retriever(RetrieverConfig.release())
    assert shapes_of(model) == released_shapes("retriever")
    assert sum(parameter.numel() for parameter in model.parameters()) == 6_202_625


def test_temperature_starts_where_clip_does() -> None:
    assert Retriever(_SMALL).logit_scale.exp().item() == pytest.approx(1 / 0.07)


def test_info_nce_worked_by_hand() -> None:
    motion = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    music = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    scale = torch.tensor(math.log(2.0))
    # logits = 2 · [[1, .6], [0, .8]]; dance → music: rows, music → dance: columns
    rows = -math.log(math.exp(2) / (math.exp(2) + math.exp(1.2))) - math.log(math.exp(1.6) / (1 + math.exp(1.6)))
    columns = -math.log(math.exp(2) / (math.exp(2) + 1)) - math.log(math.exp(1.6) / (math.exp(1.2) + math.exp(1.6)))
    assert info_nce(motion, music, scale).item() == pytest.approx((rows / 2 + columns / 2) / 2, abs=1e-6)


def test_windows_of_one_clip_are_no_counter_examples() -> None:
    generator = torch.Generator().manual_seed(0)
    motion, music = (torch.nn.functional.normalize(torch.randn(3, 4, generator=generator), dim=1) for _ in range(2))
    scale = torch.tensor(0.7)
    logits = motion @ music.t() * math.exp(0.7)
    # Rows 0 and 2 belong to one clip: 0 competes with 1 only, 1 with both, 2 with 1 only.
    competitors = [[0, 1], [0, 1, 2], [1, 2]]
    by_motion = sum(torch.logsumexp(logits[i, competitors[i]], 0) - logits[i, i] for i in range(3)) / 3
    by_music = sum(torch.logsumexp(logits[competitors[i], i], 0) - logits[i, i] for i in range(3)) / 3
    loss = info_nce(motion, music, scale, groups=torch.tensor([4, 9, 4]))
    assert torch.allclose(loss, (by_motion + by_music) / 2)


def test_efficient_attention_by_its_definition() -> None:
    torch.manual_seed(0)
    attention = EfficientAttention(_SMALL)
    signal = torch.randn(1, 7, 16)
    normed = attention.norm(signal)[0]
    expected = signal[0].clone()
    for head in (slice(0, 8), slice(8, 16)):
        query = torch.softmax(attention.query(normed)[:, head], 1)
        key = torch.softmax(attention.key(normed)[:, head], 0)
        expected[:, head] += query @ (key.t() @ attention.value(normed)[:, head])
    assert torch.allclose(attention(signal)[0], expected, atol=1e-6)


def test_embeddings_have_unit_length_and_know_the_order() -> None:
    torch.manual_seed(0)
    model = Retriever(_SMALL).eval()
    motion = torch.randn(3, 12, 5)
    embedded = model.embed_motion(motion)
    assert torch.allclose(embedded.norm(dim=1), torch.ones(3), atol=1e-6)
    assert not torch.allclose(model.embed_motion(motion.flip(1)), embedded, atol=1e-3)


def test_wrong_windows_are_refused() -> None:
    model = Retriever(_SMALL)
    with pytest.raises(BadInput, match="1 to 12, 5"):
        model.embed_motion(torch.zeros(1, 13, 5))
    with pytest.raises(BadInput, match="1 to 12, 3"):
        model.embed_music(torch.zeros(1, 12, 5))
    with pytest.raises(ConfigError, match="multiple of retriever.heads"):
        RetrieverConfig(width=10, heads=4)


def test_overfits_one_batch() -> None:
    torch.manual_seed(0)
    model = Retriever(_SMALL).train()
    motion, music = torch.randn(8, 12, 5), torch.randn(8, 12, 3)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(120):
        loss = model(motion, music)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    similarity = model.eval().embed_motion(motion) @ model.embed_music(music).t()
    assert similarity.argmax(1).tolist() == list(range(8))
    assert similarity.argmax(0).tolist() == list(range(8))
