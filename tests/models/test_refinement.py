from __future__ import annotations

import pytest
import torch
from torch import Tensor

from infinitedance_cli.models.bundle import load_part
from infinitedance_cli.models.reconstruction import compare
from infinitedance_cli.models.refinement import refined_codes
from infinitedance_cli.models.rvq_vae import RVQVAE, RVQConfig
from infinitedance_cli.models.step_features import body_features
from infinitedance_cli.models.tokenizer import Tokenizer
from tests.models.tiny_bundle import danced_clip


def small() -> RVQVAE:
    torch.manual_seed(0)
    network = RVQVAE(RVQConfig(features=6, width=8, code_dim=5, codebooks=2, codebook_size=4, velocity_columns=(1,)))
    with torch.no_grad():
        network.quantizer.initialise(network.latent(torch.randn(1, 2000, 6))[0])
    return network.eval()


def squares(predicted: Tensor, target: Tensor) -> Tensor:
    return (predicted - target).square().mean()


def signal(frames: int = 24) -> Tensor:
    return torch.randn(1, frames, 6, generator=torch.Generator().manual_seed(1))


def test_no_pass_gives_the_encoders_codes() -> None:
    network = small()
    assert torch.equal(refined_codes(network, signal(), squares, 0), network.encode(signal()))


@pytest.mark.parametrize("passes", [1, 5, 40])
def test_never_worse_than_the_encoders_codes(passes: int) -> None:
    network, target = small(), signal()
    plain, refined = (
        squares(network.decode(codes), target)
        for codes in (network.encode(target), refined_codes(network, target, squares, passes))
    )
    assert refined.item() <= plain.item()


def test_the_starters_error_falls_by_a_tenth() -> None:
    tokenizer = load_part("starter", "tokenizer", Tokenizer, torch.device("cpu"))
    features = body_features(danced_clip(121), "paper-259")
    decoded = (tokenizer.decode(tokenizer.encode(torch.from_numpy(features)[None], n))[0].numpy() for n in (0, 10))
    plain, refined = (compare(rows, features, "paper-259").mpjpe_mm for rows in decoded)
    assert refined < 0.9 * plain


def test_the_network_is_left_as_it_was() -> None:
    network = small()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    refined_codes(network, signal(), squares, 5)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
