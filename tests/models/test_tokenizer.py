from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checkpoint import codebook_sha256, load_model, save_model
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import Tokenizer, TokenizerConfig


def small(depth: int = 2, levels: int = 2, growth: int = 3) -> Tokenizer:
    torch.manual_seed(0)
    network = RVQConfig(
        features=6, width=8, code_dim=5, codebook_size=12, depth=depth, down_levels=levels, dilation_growth=growth
    )
    tokenizer = Tokenizer(TokenizerConfig(network=network))
    tokenizer.network.quantizer.initialise(torch.randn(500, 5))
    tokenizer.set_statistics(torch.arange(6.0), torch.tensor([1.0, 2, 4, 8, 16, 32]))
    return tokenizer.eval()


def rows(frames: int) -> Tensor:
    return torch.randn(2, frames, 6, generator=torch.Generator().manual_seed(1)) * 9


def test_normalising_by_hand() -> None:
    tokenizer = small()
    features = torch.tensor([1.0, 5, 10, 3, 20, -27])
    torch.testing.assert_close(tokenizer.normalise(features), torch.tensor([1.0, 2, 2, 0, 1, -1]))
    torch.testing.assert_close(tokenizer.restore(tokenizer.normalise(features)), features)


def test_features_are_normalised_before_and_restored_after_the_network() -> None:
    tokenizer = small()
    features = rows(42)
    codes = tokenizer.encode(features)
    assert codes.shape == (2, 10, 3)  # two frames more than ten steps are left out
    assert torch.equal(codes, tokenizer.network.encode(tokenizer.normalise(features[:, :40])))
    torch.testing.assert_close(tokenizer.decode(codes), tokenizer.restore(tokenizer.network.decode(codes)))


@pytest.mark.parametrize(("depth", "levels", "growth"), [(2, 2, 3), (3, 2, 3), (3, 1, 2), (2, 3, 4), (1, 3, 1)])
@pytest.mark.parametrize("window", [1, 7, 64])
def test_windows_laid_end_to_end_are_the_whole(depth: int, levels: int, growth: int, window: int) -> None:
    tokenizer = small(depth, levels, growth)
    features = rows(60 * tokenizer.stride + 1)
    whole = tokenizer.encode(features)
    assert torch.equal(torch.cat(list(tokenizer.encode_windowed(features, window=window)), 1), whole)
    decoded = torch.cat(list(tokenizer.decode_windowed(whole, window)), 1)
    torch.testing.assert_close(decoded, tokenizer.decode(whole), rtol=0, atol=1e-4)


def test_too_short_for_a_step() -> None:
    assert list(small().encode_windowed(rows(3))) == []


def test_the_fingerprint_is_that_of_the_codebooks_and_survives_a_file(tmp_path: Path) -> None:
    tokenizer = small()
    assert tokenizer.codebook_sha256 == codebook_sha256(tokenizer.network.codebooks())
    path = save_model(tmp_path / "t.safetensors", tokenizer, provenance={}, half=True)
    loaded = load_model(path, Tokenizer)
    assert loaded.codebook_sha256 == tokenizer.codebook_sha256
    assert torch.equal(loaded.mean, tokenizer.mean) and torch.equal(loaded.deviation, tokenizer.deviation)
    loaded.network.quantizer.layers[0].codebook[0, 0] += 1  # type: ignore[index, operator]
    assert loaded.codebook_sha256 != tokenizer.codebook_sha256


@pytest.mark.parametrize(
    ("mean", "deviation"),
    [(torch.zeros(5), torch.ones(6)), (torch.zeros(6), torch.ones(5)), (torch.zeros(6), torch.zeros(6))],
)
def test_statistics_that_do_not_fit(mean: Tensor, deviation: Tensor) -> None:
    with pytest.raises(BadInput, match=r"expected \(6,\) and deviations above 0"):
        small().set_statistics(mean, deviation)
