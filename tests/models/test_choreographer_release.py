"""The released form: names and shapes at paper size; computation on a small one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.cadence_moe import MoEConfig
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer, ReleasedChoreographerConfig
from tests.models.release_shapes import released_shapes, shapes_of

_SMALL = ReleasedChoreographerConfig(
    backbone=BackboneConfig(hidden=32, layers=2, heads=2, key_value_heads=1, intermediate=48, attention_dropout=0.0),
    moe=MoEConfig(bands=2, heads=2, state=4, attention_residual=False),
    music_dim=5,
    music_length=10,
    reference_dim=4,
    reference_length=12,
    style_dim=3,
    codebook_size=8,
    code_dim=6,
    vocabulary=64,
    code_offset=20,
    steps=4,
)


def _model() -> ReleasedChoreographer:
    torch.manual_seed(0)
    model = ReleasedChoreographer(_SMALL).eval()
    model.set_codebook(torch.randn(3, 8, 6))
    with torch.no_grad():
        for parameter in model.llama.parameters():
            parameter.mul_(6 if parameter.ndim > 1 else 1)
    return model


def _prefix(model: ReleasedChoreographer) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    music, reference = torch.randn(2, 10, 5, generator=generator), torch.randn(2, 12, 4, generator=generator)
    return model.condition(music, torch.tensor([1, 4]), reference).detach()


def _codes() -> Tensor:
    return torch.randint(0, 8, (2, 4, 3), generator=torch.Generator().manual_seed(2))


def test_paper_size_has_the_released_names_and_shapes() -> None:
    with torch.device("meta"):
        model = ReleasedChoreographer(ReleasedChoreographerConfig())
    assert shapes_of(model) == released_shapes("choreographer")
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_141_961_414
    assert model.llama.lm_head.weight is model.llama.model.embed_tokens.weight


def test_code_ids_are_interleaved_and_offset_by_layer() -> None:
    model = ReleasedChoreographer(replace(_SMALL, code_offset=10))
    codes = torch.tensor([[[0, 7, 2], [5, 0, 1]]])
    assert model._ids(codes).tolist() == [[10, 18 + 7, 26 + 2, 10 + 5, 18, 26 + 1]]


def test_loss_predicts_each_code_from_the_position_before_it() -> None:
    model = _model()
    prefix, codes = _prefix(model), _codes()
    with torch.no_grad():
        loss, logits = model(codes, prefix)
        ids = model._ids(codes)
        inputs = torch.cat([prefix, model._embed(codes)], 1)
        # transformers' own shifted loss on the same inputs, prefix positions left out
        labels = torch.cat([torch.full((2, 10), -100), ids], 1)
        expected = model.llama(inputs_embeds=inputs, labels=labels).loss
        styled, _ = model(codes, prefix, style=torch.tensor([1, 4]))
        guessed = functional.cross_entropy(model.style_classifier(inputs.mean(1)), torch.tensor([1, 4]))
    assert logits.shape == (2, 4, 3, 64)
    assert torch.allclose(loss, expected, atol=1e-5)
    assert torch.allclose(styled, loss + 0.15 * guessed, atol=1e-5)


def test_without_transformers_the_network_computes_the_same() -> None:
    model, light = _model(), ReleasedChoreographer(_SMALL, trainable=False).eval()
    light.load_state_dict(model.state_dict())  # strict: names and shapes are the same
    light.set_codebook(model.codebook)
    with torch.no_grad():
        loss, logits = model(_codes(), _prefix(model))
        other_loss, other_logits = light(_codes(), _prefix(light))
    assert torch.allclose(logits, other_logits, atol=1e-5) and torch.allclose(loss, other_loss, atol=1e-5)


def test_reference_is_placed_over_time_by_the_condition_projection() -> None:
    model = _model()
    heard: list[Tensor] = []
    model.music_bridge.register_forward_pre_hook(lambda _, args: heard.append(args[0]))
    music, reference = torch.randn(1, 10, 5), torch.randn(1, 12, 4)
    model.condition(music, torch.tensor([3]), reference)
    weight, bias = model.cond_projection.weight, model.cond_projection.bias
    assert torch.equal(heard[0][..., :5], music)
    assert torch.equal(heard[0][0, :, 5:8], model.style_embedding.weight[3].expand(10, 3))
    assert torch.allclose(heard[0][0, :, 8:], weight @ reference[0] + bias.unsqueeze(1), atol=1e-5)


def test_other_lengths_are_refused() -> None:
    model = _model()
    with pytest.raises(BadInput, match="music has shape"):
        model.condition(torch.zeros(1, 9, 5), torch.tensor([0]), torch.zeros(1, 12, 4))
