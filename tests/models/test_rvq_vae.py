"""The tokeniser: released shapes, windowed decoding, extra decoders, overfitting."""

from __future__ import annotations

import pytest
import torch

from infinitedance_cli.errors import BadInput, ConfigError
from infinitedance_cli.models.rvq_vae import RVQVAE, RVQConfig
from tests.models.release_shapes import released_shapes, shapes_of

_SMALL = {"features": 6, "width": 16, "code_dim": 8, "codebook_size": 32, "depth": 2}


def _model(**changes: object) -> RVQVAE:
    torch.manual_seed(0)
    model = RVQVAE(RVQConfig(**(_SMALL | changes)))  # type: ignore[arg-type]
    books = {f"layers.{i}.codebook": torch.randn(32, 8) / 3**i for i in range(3)}
    model.quantizer.load_state_dict(books)
    return model.eval()


def test_release_has_the_released_names_and_shapes() -> None:
    with torch.device("meta"):
        model = RVQVAE(RVQConfig.release())
    assert shapes_of(model) == released_shapes("rvq_vae")
    assert sum(tensor.numel() for tensor in model.state_dict().values()) == 153_606_538


def test_dilations_shrink_along_encoder_and_decoder() -> None:
    model = RVQVAE(RVQConfig(features=4, width=4, code_dim=4, dilation_growth=3))
    for stack in (model.encoder.model[2][1], model.decoder.model[2][0]):
        assert [block.conv1.dilation for block in stack.model] == [(9,), (3,), (1,)]


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_decoder_reach_covers_everything_that_a_triplet_touches(levels: int) -> None:
    model = _model(down_levels=levels, activation="silu").double()
    reach, stride = model.config.conv().decoder_reach, model.config.stride
    embedding = torch.randn(1, 6 * reach, 8, dtype=torch.float64)
    changed = embedding.clone()
    changed[:, 3 * reach] += 1.0
    moved = (model.decode_embedding(embedding) != model.decode_embedding(changed)).any(-1)[0].nonzero()
    assert moved.min() // stride >= 2 * reach and moved.max() // stride <= 4 * reach
    assert moved.max() - moved.min() > stride * reach  # and the reach is not wildly too long


def test_windowed_decoding_equals_decoding_at_once() -> None:
    model = _model(velocity_columns=(1, 2))
    codes = torch.randint(0, 32, (2, 61, 3))
    whole = model.decode(codes)
    for window in (1, 7, 60, 61, 500):
        pieces = list(model.decode_windowed(codes, window=window))
        assert max(piece.shape[1] for piece in pieces) <= 4 * window
        assert torch.allclose(torch.cat(pieces, 1), whole, atol=1e-5)


def test_velocity_decoder_overwrites_exactly_its_columns() -> None:
    model = _model(velocity_columns=(4, 1))
    assert model.vel_decoder is not None
    embedding = torch.randn(1, 5, 8)
    latent = embedding.transpose(1, 2)
    plain, velocity = model.decoder(latent).transpose(1, 2), model.vel_decoder(latent).transpose(1, 2)
    decoded = model.decode_embedding(embedding)
    assert torch.equal(decoded[..., [4, 1]], velocity)
    assert torch.equal(decoded[..., [0, 2, 3, 5]], plain[..., [0, 2, 3, 5]])


def test_rotation_decoder_is_separate_from_the_reconstruction() -> None:
    model = _model(rotation_columns=(0, 3))
    output = model(torch.randn(1, 8, 6))
    assert output.rotations is not None and output.rotations.shape == (1, 8, 2)
    assert torch.allclose(output.rotations, model.decode_rotations(model.quantised_embedding(output.codes)), atol=1e-5)
    with pytest.raises(BadInput, match="no rotation decoder"):
        _model().decode_rotations(torch.zeros(1, 2, 8))


def test_forward_agrees_with_encode_then_decode() -> None:
    model = _model()
    features = torch.randn(2, 32, 6)
    output = model(features)
    assert torch.equal(output.codes, model.encode(features))
    assert torch.allclose(output.reconstruction, model.decode(output.codes), atol=1e-5)


def test_choice_of_codes_is_the_same_under_half_precision_distances() -> None:
    model = _model().train()
    latent = torch.randn(1, 64, 8)
    with torch.autocast("cpu", torch.bfloat16):
        output = model.eval().quantizer(latent)
    assert output.quantised.dtype == torch.float32
    assert torch.equal(output.codes, model.quantizer(latent).codes)


@pytest.mark.parametrize(
    ("frames", "features", "match"), [(30, 6, "multiple of 4"), (0, 6, "multiple of 4"), (32, 5, "expects")]
)
def test_wrong_features_are_refused(frames: int, features: int, match: str) -> None:
    with pytest.raises(BadInput, match=match):
        _model().encode(torch.zeros(1, frames, features))


def test_codes_out_of_range_are_refused() -> None:
    with pytest.raises(BadInput, match="expected 0 to 31"):
        _model().decode(torch.full((1, 4, 3), 32))
    with pytest.raises(BadInput, match="steps, 3"):
        _model().decode(torch.zeros(1, 4, 2, dtype=torch.long))


def test_bad_configuration_is_refused() -> None:
    with pytest.raises(ConfigError, match="velocity_columns"):
        RVQConfig(features=4, velocity_columns=(4,))
    with pytest.raises(ConfigError, match="activation"):
        RVQConfig(activation="tanh")


def test_overfits_one_batch() -> None:
    torch.manual_seed(0)
    time = torch.linspace(0, 6.28, 32).view(1, 32, 1)
    features = torch.sin(time * torch.arange(1, 7) + torch.arange(4).view(4, 1, 1))
    model = RVQVAE(RVQConfig(features=6, width=32, code_dim=32, codebook_size=64, depth=2)).train()
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    for _ in range(150):
        output = model(features)
        loss = (output.reconstruction - features).square().mean() + 0.05 * output.commit_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    error = (model.eval()(features).reconstruction - features).square().mean()
    assert error < 0.05 * features.var()
