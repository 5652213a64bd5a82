"""Frequency bands, gate and experts of the Cadence-MoE."""

from __future__ import annotations

import math

import pytest
import torch

from infinitedance_cli.errors import BadInput, ConfigError
from infinitedance_cli.models.cadence_moe import (
    CadenceMoE,
    Expert,
    MoEConfig,
    ReleasedCadenceMoE,
    equal_edges,
    equal_hertz_edges,
    split_bands,
)

_SMALL = MoEConfig(bands=3, heads=2, state=4)


@pytest.mark.parametrize("steps", [16, 31, 96, 320])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_bands_sum_back_to_the_signal(steps: int, bands: int) -> None:
    signal = torch.randn(2, steps, 5)
    for edges in (equal_edges(steps, bands), equal_hertz_edges(steps, bands)):
        parts = split_bands(signal, edges)
        assert len(parts) == bands
        assert torch.allclose(torch.stack(parts).sum(0), signal, atol=1e-5)


def test_a_sine_goes_whole_into_the_band_of_its_frequency() -> None:
    time = torch.arange(64)
    slow, fast = torch.sin(2 * math.pi * 3 * time / 64), torch.sin(2 * math.pi * 25 * time / 64)
    low, high = split_bands((slow + fast).view(1, 64, 1), equal_edges(64, 2))
    assert torch.allclose(low.flatten(), slow, atol=1e-5)
    assert torch.allclose(high.flatten(), fast, atol=1e-5)


def test_edges_of_the_paper_and_of_the_release() -> None:
    assert equal_edges(320, 2) == [0, 80, 161]  # 161 bins
    assert equal_edges(64, 4) == [0, 8, 16, 25, 33]
    # Release, 320 samples at 30 Hz: [0, 7.5) Hz holds bins 0 … 79, [7.5, 15] Hz bins 80 … 160.
    assert equal_hertz_edges(320, 2) == [0, 80, 161]
    # 15 samples at 30 Hz: bins 0, 2, …, 14 Hz; thirds end at 5 and 10 Hz, so 3, 2 and 3 bins.
    assert equal_hertz_edges(15, 3) == [0, 3, 5, 8]


def test_too_short_a_window_is_refused() -> None:
    with pytest.raises(BadInput, match="too few frequencies for 4 equal bands"):
        split_bands(torch.zeros(1, 4, 1), equal_edges(4, 4))


def test_gate_sums_to_one_and_weights_the_experts() -> None:
    torch.manual_seed(0)
    moe = CadenceMoE(6, 8, _SMALL)
    signal = torch.randn(2, 16, 6)
    weights = moe.gate_weights(signal)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 16)) and (weights > 0).all()
    bands = split_bands(signal, equal_edges(16, 3))
    expected = torch.zeros(2, 16, 8)
    for index in range(3):
        expected = expected + moe.experts[index](bands[index]) * weights[..., index : index + 1]
    assert torch.allclose(moe(signal), expected, atol=1e-5)


def test_a_closed_gate_silences_an_expert() -> None:
    torch.manual_seed(0)
    moe = CadenceMoE(6, 8, _SMALL)
    with torch.no_grad():
        moe.gate.weight.zero_()
        moe.gate.bias.copy_(torch.tensor([0.0, -1e9, 0.0]))
    signal = torch.randn(1, 16, 6)
    before = moe(signal)
    with torch.no_grad():
        moe.experts[1].proj.weight.mul_(3.0)
    assert torch.equal(moe(signal), before)
    with torch.no_grad():
        moe.experts[2].proj.weight.mul_(3.0)
    assert not torch.allclose(moe(signal), before)


def test_expert_composes_attention_and_mamba_with_one_residual() -> None:
    torch.manual_seed(0)
    signal = torch.randn(1, 10, 6)
    for residual in (False, True):
        expert = Expert(6, 8, MoEConfig(heads=2, state=4, attention_residual=residual))
        projected = expert.proj(signal)
        attended = expert.transformer_attn(projected, projected, projected)[0] + (projected if residual else 0)
        assert torch.allclose(expert(signal), expert.mamba(expert.norm(attended)) + attended, atol=1e-6)


def test_release_band_experts_hear_only_the_reference() -> None:
    torch.manual_seed(0)
    moe = ReleasedCadenceMoE(10, 4, 8, MoEConfig(bands=2, heads=2, state=4, attention_residual=False))
    heard: dict[str, torch.Tensor] = {}
    moe.specialized_experts[1].register_forward_pre_hook(lambda _, args: heard.update(band=args[0]))
    moe.universal_expert.register_forward_pre_hook(lambda _, args: heard.update(all=args[0]))
    signal = torch.randn(1, 32, 10)
    moe(signal)
    assert torch.allclose(heard["band"], split_bands(signal[..., 6:], [0, 8, 17])[1], atol=1e-6)
    assert torch.allclose(heard["all"], moe.input_proj(signal), atol=1e-6)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="divisor of the width 9"):
        CadenceMoE(6, 9, _SMALL)
