"""The released networks against a second, plain writing of their published formulas: 1e-4, and the same codes."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.mamba import Mamba, MambaConfig
from infinitedance_cli.models.released.dances import codes_of_tokens, tokens_of_codes
from infinitedance_cli.models.released.drawer import WindowDrawer
from infinitedance_cli.models.released.sampler import ReleasedSampling
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import Tokenizer, TokenizerConfig
from tests.models.released import plain_network as plain
from tests.models.released.tiny_release import CHOREOGRAPHER, WIDTH

_TOLERANCE = 1e-4


def _tensors(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.detach().double().numpy() for name, tensor in module.state_dict().items()}


def _spread(module: nn.Module, seed: int) -> None:
    """Every parameter drawn anew, also those that begin as ones or zeros, so that none can be left out unseen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            fan = parameter[0].numel() if parameter.ndim > 1 else 25
            drawn = torch.randn(parameter.shape, generator=generator) * fan**-0.5
            norm = parameter.ndim == 1 and name.endswith("norm.weight")
            parameter.copy_(drawn if "A_log" not in name else drawn.abs())
            parameter.add_(1.0 if norm or name.endswith("layernorm.weight") else 0.0)


# --- tokeniser -------------------------------------------------------------------------------------------------------


def _tokenizer(growth: int) -> Tokenizer:
    config = replace(RVQConfig.release(growth), width=WIDTH, code_dim=WIDTH)
    tokenizer = Tokenizer(TokenizerConfig(layout="release-264", network=config)).eval()
    _spread(tokenizer, growth)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for layer in tokenizer.network.quantizer.layers:
            layer.codebook.copy_(torch.randn(layer.codebook.shape, generator=generator))
    mean, deviation = torch.randn(264, generator=generator), torch.rand(264, generator=generator) + 0.1
    tokenizer.set_statistics(mean, deviation)
    return tokenizer


@pytest.mark.parametrize("growth", [3, 4])
def test_codes_are_the_nearest_to_the_plain_latents(growth: int) -> None:
    tokenizer = _tokenizer(growth)
    features = torch.randn(96, 264, generator=torch.Generator().manual_seed(1))
    tensors = _tensors(tokenizer.network)
    scored = (features.double().numpy() - tokenizer.mean.double().numpy()) / tokenizer.deviation.double().numpy()
    latent = plain.encode_latent(tensors, scored, growth, depth=3)
    assert np.abs(tokenizer.network.latent(tokenizer.normalise(features[None]))[0].detach().numpy() - latent).max() < (
        _TOLERANCE * max(1, np.abs(latent).max())
    )
    codes = plain.quantise(tensors, latent)
    assert np.array_equal(tokenizer.encode(features[None])[0].numpy(), codes)
    assert len(np.unique(codes)) > 10


@pytest.mark.parametrize("growth", [3, 4])
@pytest.mark.parametrize("window", [16, 256])
def test_features_of_tokens_take_their_velocity_from_its_decoder(growth: int, window: int) -> None:
    tokenizer = _tokenizer(growth)
    codes = np.random.default_rng(growth).integers(0, 512, (90, 3))
    tokens = tokens_of_codes(codes)
    assert tokens[:6].tolist() == [
        *(codes[0] + [4096, 4608, 5120]).tolist(),
        *(codes[1] + [4096, 4608, 5120]).tolist(),
    ]
    expected = plain.decode_tokens(
        _tensors(tokenizer.network),
        tokens,
        tokenizer.mean.double().numpy(),
        tokenizer.deviation.double().numpy(),
        growth,
        depth=3,
    )
    pieces = list(tokenizer.decode_windowed(torch.from_numpy(codes_of_tokens(tokens, "tokens"))[None], window))
    found = torch.cat(pieces, 1)[0].numpy()
    assert found.shape == (360, 264)
    assert np.abs(found - expected).max() < _TOLERANCE
    main = plain.run_decoder(_tensors(tokenizer.network), "decoder", np.zeros((4, WIDTH)), growth, depth=3)
    velocity = plain.run_decoder(_tensors(tokenizer.network), "vel_decoder", np.zeros((4, WIDTH)), growth, depth=3)
    assert np.abs(main[:, 3:5] - velocity).max() > 0.1  # the test could tell the one from the other


def test_tokens_that_begin_below_512_are_not_offset() -> None:
    codes = np.random.default_rng(0).integers(0, 512, (40, 3))
    flat = codes.reshape(-1)
    assert np.array_equal(codes_of_tokens(flat, "flat"), codes)
    assert np.array_equal(codes_of_tokens(tokens_of_codes(codes), "offset"), codes)


# --- choreographer ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> ReleasedChoreographer:
    model = ReleasedChoreographer(CHOREOGRAPHER).eval()
    _spread(model, 3)
    model.set_codebook(torch.randn(model.codebook.shape, generator=torch.Generator().manual_seed(4)))
    return model


@pytest.fixture(scope="module")
def condition() -> tuple[torch.Tensor, torch.Tensor]:
    """Music (1, 320, 1024) and a reference (1, 384, 264)."""
    generator = torch.Generator().manual_seed(5)
    return torch.randn(1, 320, 1024, generator=generator), torch.randn(1, 384, 264, generator=generator)


@pytest.fixture(scope="module")
def prefix(model: ReleasedChoreographer, condition: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray:
    music, reference = condition
    return plain.music_prefix(_tensors(model), music[0].double().numpy(), 2, reference[0].double().numpy())


def test_mamba_is_the_recurrence() -> None:
    mixer = Mamba(MambaConfig(width=24, state=16))
    _spread(mixer, 0)
    signal = torch.randn(1, 50, 24, generator=torch.Generator().manual_seed(0))
    expected = plain.mamba(_tensors(mixer), signal[0].double().numpy())
    with torch.no_grad():
        assert np.abs(mixer(signal)[0].numpy() - expected).max() < _TOLERANCE


@pytest.mark.parametrize(("length", "bands"), [(320, 2), (320, 4), (31, 3)])
def test_bands_are_those_of_equal_hertz(length: int, bands: int) -> None:
    from infinitedance_cli.models.cadence_moe import equal_hertz_edges, split_bands

    signal = np.random.default_rng(0).normal(size=(length, 5))
    found = split_bands(torch.from_numpy(signal).float()[None], equal_hertz_edges(length, bands), "equal-Hz")
    for own, expected in zip(found, plain.frequency_bands(signal, bands), strict=True):
        assert np.abs(own[0].numpy() - expected).max() < _TOLERANCE


def test_prefix_of_music_style_and_reference(
    model: ReleasedChoreographer, condition: tuple[torch.Tensor, torch.Tensor], prefix: np.ndarray
) -> None:
    with torch.no_grad():
        found = model.condition(condition[0], torch.tensor([2]), condition[1])[0].numpy()
    assert np.abs(found - prefix).max() < _TOLERANCE
    assert prefix.std() > 0.1


def test_logits_and_losses(model: ReleasedChoreographer, prefix: np.ndarray) -> None:
    tensors, books = _tensors(model), model.codebook.double().numpy()
    codes = np.random.default_rng(2).integers(0, 512, (96, 3))
    inputs = np.concatenate([prefix, plain.embed_codes(tensors, books, codes)])
    logits = plain.llama_logits(tensors, inputs, heads=2, shared_heads=1)[319:-1]
    with torch.no_grad():
        loss, found = model(torch.from_numpy(codes)[None], torch.from_numpy(prefix).float()[None])
        both, _ = model(torch.from_numpy(codes)[None], torch.from_numpy(prefix).float()[None], torch.tensor([2]))
    assert np.abs(found[0].flatten(0, 1).numpy() - logits).max() < _TOLERANCE
    labels = torch.from_numpy(tokens_of_codes(codes))
    expected = functional.cross_entropy(torch.from_numpy(logits), labels)
    assert abs(float(loss) - float(expected)) < _TOLERANCE
    guessed = plain.linear(tensors, "style_classifier", inputs.mean(0))
    style = float(functional.cross_entropy(torch.from_numpy(guessed)[None], torch.tensor([2])))
    assert abs(float(both) - float(expected) - 0.15 * style) < _TOLERANCE


_GREEDY = ReleasedSampling(
    temperature=0, top_k=0, top_p=1, boost=1, penalty=1, most_repeats=0, most_repeats_residual=0, ngram=0
)


@pytest.mark.parametrize("fixed", [False, True])
def test_greedy_codes_of_a_whole_window_are_the_plain_ones(
    model: ReleasedChoreographer, prefix: np.ndarray, fixed: bool
) -> None:
    """20 given steps, 76 drawn: 228 tokens, each the likeliest of its layer by the plain network.

    `fixed` are the shapes that GPUs replay.
    """
    tensors, books = _tensors(model), model.codebook.double().numpy()
    given = np.random.default_rng(8).integers(0, 512, (20, 3))
    drawer = WindowDrawer(copy.deepcopy(model), _GREEDY, fixed=fixed)
    placed = torch.from_numpy(prefix).float()[None]
    dance = torch.cat(list(drawer.draw(placed, torch.from_numpy(given)[None], [torch.Generator()])), 1)[0].numpy()
    assert dance.shape == (96, 3) and np.array_equal(dance[:20], given)
    # One plain pass over what was drawn shows each token's logits: they are causal.
    inputs = np.concatenate([prefix, plain.embed_codes(tensors, books, dance)])
    logits = plain.llama_logits(tensors, inputs, heads=2, shared_heads=1)[319:-1].reshape(96, 3, -1)
    for level in range(3):
        own = logits[20:, level, 4096 + 512 * level : 4608 + 512 * level]
        assert np.array_equal(own.argmax(1), dance[20:, level])
    assert len(np.unique(dance[20:])) > 15


def test_retrieval_vectors() -> None:
    network = Retriever(RetrieverConfig.release()).eval()
    _spread(network, 6)
    tensors, random = _tensors(network), np.random.default_rng(0)
    motion, music = random.normal(size=(384, 264)), random.normal(size=(384, 55))
    with torch.no_grad():
        found = network.embed_motion(torch.from_numpy(motion).float()[None])[0].numpy()
        heard = network.embed_music(torch.from_numpy(music).float()[None])[0].numpy()
    assert np.abs(found - plain.retrieval_vector(tensors, "motion_encoder", motion)).max() < _TOLERANCE
    assert np.abs(heard - plain.retrieval_vector(tensors, "cond_encoder", music)).max() < _TOLERANCE
