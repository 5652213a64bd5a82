"""Saving and loading networks, and carrying a training run across a restart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from infinitedance_cli.errors import BadInput, MissingResource, StageFailed
from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.cadence_moe import MoEConfig
from infinitedance_cli.models.checkpoint import (
    codebook_sha256,
    full_state,
    load_full_state,
    load_model,
    load_weights,
    read_description,
    save_model,
)
from infinitedance_cli.models.choreographer import Choreographer, ChoreographerConfig
from infinitedance_cli.models.conditioning import ConditionConfig
from infinitedance_cli.models.quantizer import QuantizerConfig, ResidualQuantizer
from infinitedance_cli.models.rvq_vae import RVQVAE, RVQConfig

_CONFIG = RVQConfig(features=6, width=8, code_dim=8, codebook_size=16, depth=1, velocity_columns=(1, 2))


def _trained() -> RVQVAE:
    torch.manual_seed(0)
    model = RVQVAE(_CONFIG).train()
    model(torch.randn(4, 32, 6))
    return model


def test_a_network_comes_back_as_it_was(tmp_path: Path) -> None:
    model = _trained()
    path = save_model(tmp_path / "model.safetensors", model, provenance={"steps": 7})
    again = load_model(path, RVQVAE)
    assert again.config == _CONFIG and not again.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    description = read_description(path)
    assert (description.kind, description.provenance) == ("RVQVAE", {"steps": 7})
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_choreographer_loads_for_generation_without_transformers(tmp_path: Path) -> None:
    config = ChoreographerConfig(
        steps=8,
        code_dim=4,
        backbone=BackboneConfig(hidden=16, layers=1, heads=2, key_value_heads=1, intermediate=24),
        condition=ConditionConfig(music_dim=3, genre_dim=4, reference_dim=0, moe=MoEConfig(bands=2, heads=2, state=2)),
        level_weights=(1.0, 0.5, 0.25),
    )
    torch.manual_seed(0)
    model = Choreographer(config).eval()
    model.set_codebook(torch.randn(3, 512, 4))
    save_model(tmp_path / "m", model, provenance={})
    script = f"""
import sys, torch
from pathlib import Path
from infinitedance_cli.models.checkpoint import load_model
from infinitedance_cli.models.choreographer import Choreographer
model = load_model(Path({str(tmp_path / "m")!r}), Choreographer, trainable=False)
state, condition = model.start(1), torch.linspace(-1, 1, 16).view(1, 16)
print("transformers" in sys.modules, model.step(state, None, condition).sum().item())
"""
    loaded, value = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    condition = torch.linspace(-1, 1, 16).view(1, 1, 16)
    with torch.no_grad():
        expected = model.hidden_states(torch.full((1, 1, 3), -1), condition).sum().item()
    assert loaded == "False"
    assert float(value) == pytest.approx(expected, abs=1e-4)
    assert load_model(tmp_path / "m", Choreographer).config == config


def test_half_storage_rounds_matrices_only_and_loads_as_float32(tmp_path: Path) -> None:
    model = _trained()
    sizes = {half: save_model(tmp_path / "m", model, provenance={}, half=half).stat().st_size for half in (True, False)}
    assert sizes[True] < 0.75 * sizes[False]
    save_model(tmp_path / "m", model, provenance={}, half=True)
    again = load_model(tmp_path / "m", RVQVAE)
    weight, bias = model.encoder.model[0].weight, model.encoder.model[0].bias
    assert torch.equal(again.encoder.model[0].weight, weight.half().float())
    assert torch.equal(again.encoder.model[0].bias, bias)
    assert codebook_sha256(again.codebooks()) == codebook_sha256(model.codebooks())


def test_values_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    model = _trained()
    with torch.no_grad():
        model.encoder.model[0].weight[0, 0, 0] = 1e6
    with pytest.raises(StageFailed, match=r"encoder\.model\.0\.weight.*fp16"):
        save_model(tmp_path / "m", model, provenance={}, half=True)
    assert not list(tmp_path.iterdir())


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingResource, match="no such model file"):
        load_model(tmp_path / "none", RVQVAE)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BadInput, match="not a readable safetensors"):
        load_model(tmp_path / "text", RVQVAE)
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign")
    with pytest.raises(BadInput, match="not a model of idance"):
        load_model(tmp_path / "foreign", RVQVAE)
    save_model(tmp_path / "m", _trained(), provenance={})
    with pytest.raises(BadInput, match="holds a RVQVAE; expected a ResidualQuantizer"):
        load_model(tmp_path / "m", ResidualQuantizer)


def test_missing_unknown_and_misshapen_tensors_are_named() -> None:
    quantizer = ResidualQuantizer(QuantizerConfig(layers=2, codebook_size=4, code_dim=3))
    good = quantizer.state_dict()
    with pytest.raises(BadInput, match=r"layers\.1\.codebook is missing"):
        load_weights(quantizer, {"layers.0.codebook": good["layers.0.codebook"]}, "file")
    with pytest.raises(BadInput, match=r"layers\.2\.codebook is not part"):
        load_weights(quantizer, {**good, "layers.2.codebook": torch.zeros(4, 3)}, "file")
    with pytest.raises(BadInput, match=r"layers\.0\.codebook has shape \(4, 2\); expected \(4, 3\)"):
        load_weights(quantizer, {**good, "layers.0.codebook": torch.zeros(4, 2)}, "file")


def test_training_continues_from_the_full_state_as_though_it_had_not_stopped() -> None:
    first, batches = _trained(), [torch.randn(4, 32, 6) for _ in range(3)]
    first(batches[0])
    saved = {name: tensor.clone() for name, tensor in full_state(first).items()}
    second = RVQVAE(_CONFIG).train()
    load_full_state(second, saved)
    for model in (first, second):
        torch.manual_seed(1)
        for batch in batches[1:]:
            model(batch)
    for name, tensor in full_state(first).items():
        assert torch.equal(full_state(second)[name], tensor), name


def test_an_incomplete_training_state_is_refused() -> None:
    model = _trained()
    with pytest.raises(BadInput, match="code_sum"):
        load_full_state(model, model.state_dict())


def test_codebook_fingerprint_depends_on_every_value() -> None:
    books = torch.zeros(3, 4, 2)
    changed = books.clone()
    changed[2, 3, 1] = 1e-7
    assert codebook_sha256(books) != codebook_sha256(changed)
    # sha256 of 96 zero bytes
    assert codebook_sha256(books) == "2ea9ab9198d1638007400cd2c3bef1cc745b864b76011a0e1bc52180ac6452d4"
