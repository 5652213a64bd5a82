"""Drawing codes: what may be drawn, how often, and that the seed decides."""

from __future__ import annotations

import math

import pytest
import torch

from infinitedance_cli.errors import ConfigError
from infinitedance_cli.models.sampling import Sampler, SamplingConfig

_PROBABILITIES = torch.tensor([0.1, 0.4, 0.05, 0.3, 0.15])


def _drawn(config: SamplingConfig, rows: int = 4000) -> torch.Tensor:
    """Shares of the codes drawn from `_PROBABILITIES`."""
    codes = Sampler(config, range(rows)).draw(_PROBABILITIES.log().expand(rows, -1))
    return torch.bincount(codes, minlength=5) / rows


def test_plain_sampling_follows_the_probabilities() -> None:
    drawn = _drawn(SamplingConfig(temperature=1.0, top_k=0, top_p=1.0))
    assert torch.allclose(drawn, _PROBABILITIES, atol=0.025)


def test_temperature_sharpens() -> None:
    expected = _PROBABILITIES**2 / (_PROBABILITIES**2).sum()
    assert torch.allclose(_drawn(SamplingConfig(temperature=0.5, top_k=0, top_p=1.0)), expected, atol=0.025)


def test_top_k_keeps_the_likeliest_and_renormalises() -> None:
    expected = torch.tensor([0.0, 4 / 7, 0.0, 3 / 7, 0.0])
    assert torch.allclose(_drawn(SamplingConfig(temperature=1.0, top_k=2, top_p=1.0)), expected, atol=0.025)


def test_top_p_keeps_the_code_that_crosses_it() -> None:
    # 0.4 + 0.3 reaches 0.7 < 0.75, so the third code (0.15) crosses and stays; the rest goes.
    expected = torch.tensor([0.0, 0.4, 0.0, 0.3, 0.15]) / 0.85
    assert torch.allclose(_drawn(SamplingConfig(temperature=1.0, top_k=0, top_p=0.75)), expected, atol=0.025)
    assert _drawn(SamplingConfig(temperature=1.0, top_k=0, top_p=0.4))[1] == 1.0


def test_temperature_zero_takes_the_likeliest() -> None:
    assert _drawn(SamplingConfig(temperature=0.0))[1] == 1.0


def test_same_seed_same_codes_whoever_the_neighbours_are() -> None:
    logits = torch.randn(3, 50)
    alone, together = Sampler(SamplingConfig(), [7]), Sampler(SamplingConfig(), [1, 7, 9])
    for _ in range(20):
        assert alone.draw(logits[1:2])[0] == together.draw(logits)[1]
    first = [Sampler(SamplingConfig(), [seed]).draw(logits[:1]).item() for seed in range(30)]
    assert len(set(first)) > 3


def test_repetition_penalty_turns_to_the_next_likeliest_and_forgets() -> None:
    config = SamplingConfig(temperature=0.0, repetition_penalty=5.0, repetition_window=2)
    sampler = Sampler(config, [0])
    logits = torch.tensor([[3.0, 2.0, 1.0, -9.0]])
    assert [sampler.draw(logits).item() for _ in range(5)] == [0, 1, 2, 0, 1]
    assert logits.tolist() == [[3.0, 2.0, 1.0, -9.0]]
    assert [sampler.draw(logits, level=1).item() for _ in range(2)] == [0, 0]


def test_beyond_the_turn_limit_the_dance_turns_back_or_goes_straight() -> None:
    """Code 0 turns by half a turn and is likeliest; after two turns on the left it has to wait for them to pass."""
    turns = torch.tensor([[math.pi, 0.0, -math.pi], [0.0, 0.0, 0.0]])
    sampler = Sampler(SamplingConfig(temperature=0.0, turn_limit=2.0, turn_window=8), [0], turns)
    drawn = []
    for _ in range(16):
        drawn.append(sampler.draw(torch.tensor([[5.0, 4.0, 3.0]])).item())
        sampler.draw(torch.zeros(1, 3), level=1)
    assert drawn == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1]


def test_turns_of_deeper_levels_count() -> None:
    turns = torch.tensor([[0.0, 0.0], [math.pi, 0.0]])
    sampler = Sampler(SamplingConfig(temperature=0.0, turn_limit=1.0), [0], turns)
    deeper = []
    for _ in range(5):
        assert sampler.draw(torch.tensor([[1.0, 0.0]])).item() == 0
        deeper.append(sampler.draw(torch.tensor([[1.0, 0.0]]), level=1).item())
    assert deeper == [0, 0, 0, 1, 1]


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="top_p"):
        SamplingConfig(top_p=0.0)
    with pytest.raises(ConfigError, match="2 seeds"):
        Sampler(SamplingConfig(), [1, 2]).draw(torch.zeros(3, 4))
