"""The cached decoder computes what transformers' LlamaModel computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from infinitedance_cli.errors import BadInput, ConfigError, MissingResource
from infinitedance_cli.models.backbone import (
    BackboneConfig,
    build_causal_lm,
    build_llama,
    load_pretrained_layers,
    rotary_frequencies,
    run_llama,
)
from infinitedance_cli.models.decoding import LlamaDecoder, LlamaWeights

_SHAPES = {
    "grouped": BackboneConfig(hidden=32, layers=3, heads=4, key_value_heads=2, intermediate=48),
    "single key": BackboneConfig(hidden=24, layers=2, heads=3, key_value_heads=1, intermediate=40),
    "llama 3 rope": BackboneConfig(
        hidden=32, layers=2, heads=2, key_value_heads=2, intermediate=48, rope_theta=500000.0, rope_original_length=8
    ),
}


def _llama(config: BackboneConfig) -> torch.nn.Module:
    """A model whose weights are large enough for attention and norms to matter."""
    torch.manual_seed(0)
    model = build_llama(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter * 6 if parameter.ndim > 1 else parameter + 0.3 * torch.randn_like(parameter))
    return model


@torch.no_grad()
def _full(model: torch.nn.Module, embeddings: Tensor) -> Tensor:
    return run_llama(model, embeddings)


@pytest.mark.parametrize("name", list(_SHAPES))
@pytest.mark.parametrize("chunks", [[1] * 20, [20], [7, 1, 1, 11]])
def test_cached_passes_equal_the_full_pass(name: str, chunks: list[int]) -> None:
    model = _llama(_SHAPES[name])
    decoder = LlamaDecoder(model, _SHAPES[name], window=20, keep=10)
    embeddings = torch.randn(2, 20, _SHAPES[name].hidden)
    state = decoder.start(2)
    hidden = torch.cat([decoder.extend(state, part) for part in embeddings.split(chunks, 1)], 1)
    assert torch.allclose(hidden, _full(model, embeddings), atol=1e-5)


@pytest.mark.parametrize("name", list(_SHAPES))
def test_the_last_position_alone_is_the_last_of_all(name: str) -> None:
    model = _llama(_SHAPES[name])
    decoder = LlamaDecoder(model, _SHAPES[name], window=20, keep=10)
    embeddings = torch.randn(2, 20, _SHAPES[name].hidden)
    state = decoder.start(2)
    alone = decoder.extend(state, embeddings[:, :12], last_only=True)
    after = decoder.extend(state, embeddings[:, 12:])
    full = _full(model, embeddings)
    assert torch.allclose(alone, full[:, 11:12], atol=1e-5)
    assert torch.allclose(after, full[:, 12:], atol=1e-5)


def test_a_full_window_continues_from_its_last_positions() -> None:
    config = _SHAPES["grouped"]
    model = _llama(config)
    decoder = LlamaDecoder(model, config, window=12, keep=8)
    embeddings = torch.randn(1, 22, 32)
    state = decoder.start(1)
    hidden = torch.cat([decoder.extend(state, embeddings[:, t : t + 1]) for t in range(22)], 1)
    # Windows of 12 that begin at 0, 4, 8 and 12; each yields what follows the 8 that it keeps.
    expected = [_full(model, embeddings[:, first : first + 12])[:, (8 if first else 0) :] for first in (0, 4, 8, 12)]
    assert torch.allclose(hidden, torch.cat(expected, 1)[:, :22], atol=1e-5)
    assert (state.steps, state.length) == (22, 10)


def test_a_changed_future_leaves_the_past_unchanged() -> None:
    model = _llama(_SHAPES["grouped"])
    embeddings = torch.randn(1, 15, 32)
    changed = embeddings.clone()
    changed[:, 9] += 1.0
    before, after = _full(model, embeddings), _full(model, changed)
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.allclose(before[:, 9:], after[:, 9:], atol=1e-3)


def test_rows_do_not_hear_each_other() -> None:
    config = _SHAPES["grouped"]
    decoder = LlamaDecoder(_llama(config), config, window=12, keep=8)
    embeddings = torch.randn(3, 9, 32)
    together = decoder.extend(decoder.start(3), embeddings)
    alone = decoder.extend(decoder.start(1), embeddings[1:2])
    assert torch.allclose(together[1:2], alone, atol=1e-5)


def test_llama_3_frequencies() -> None:
    """Unchanged above a wavelength of 8192 / 4, a 32nd below 8192 / 1, blended between."""
    config = BackboneConfig(hidden=128, layers=1, heads=2, rope_theta=500000.0, rope_original_length=8192)
    plain = 500000.0 ** -(torch.arange(0, 64, 2) / 64)
    wavelength = 2 * torch.pi / plain
    blend = (8192 / wavelength - 1) / 3
    expected = torch.where(wavelength > 8192, plain / 32, blend * plain + (1 - blend) * plain / 32)
    expected = torch.where(wavelength < 2048, plain, expected)
    assert torch.allclose(rotary_frequencies(config), expected, rtol=1e-5)
    assert torch.allclose(build_llama(config).rotary_emb.inv_freq, expected, rtol=1e-5)


@pytest.mark.parametrize("name", list(_SHAPES))
def test_weights_without_transformers_compute_the_same(name: str) -> None:
    model = _llama(_SHAPES[name])
    weights = LlamaWeights(_SHAPES[name])
    weights.load_state_dict(model.state_dict())  # strict: names and shapes are the same
    embeddings = torch.randn(2, 9, _SHAPES[name].hidden)
    assert torch.allclose(run_llama(weights, embeddings), _full(model, embeddings), atol=1e-5)


def test_pretrained_layers_are_taken_from_a_folder(tmp_path: Path) -> None:
    config = _SHAPES["grouped"]
    torch.manual_seed(1)
    source: LlamaForCausalLM = build_causal_lm(config, vocabulary=11).eval()
    source.save_pretrained(tmp_path / "llama")
    model = build_llama(config).eval()
    load_pretrained_layers(model, tmp_path / "llama")
    embeddings = torch.randn(1, 5, 32)
    assert torch.allclose(_full(model, embeddings), _full(source.model, embeddings), atol=1e-6)
    with pytest.raises(BadInput, match="expects"):
        load_pretrained_layers(build_llama(_SHAPES["single key"]), tmp_path / "llama")
    with pytest.raises(MissingResource, match=r"config\.json"):
        load_pretrained_layers(model, tmp_path)


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ConfigError, match="key_value_heads"):
        BackboneConfig(heads=4, key_value_heads=3)
    with pytest.raises(ConfigError, match="multiple of twice"):
        BackboneConfig(hidden=30, heads=4)
    decoder = LlamaDecoder(_llama(_SHAPES["grouped"]), _SHAPES["grouped"], window=8, keep=6)
    with pytest.raises(BadInput, match="takes 2"):
        decoder.extend(decoder.start(1), torch.zeros(1, 9, 32))
