"""The residual quantiser against values worked by hand."""

from __future__ import annotations

import itertools

import pytest
import torch

from infinitedance_cli.errors import ConfigError
from infinitedance_cli.models.quantizer import Codebook, QuantizerConfig, ResidualQuantizer, straight_through


def _quantizer(**changes: float) -> ResidualQuantizer:
    """Three layers of eight codes in four dimensions with random codebooks, later layers smaller."""
    values = {"layers": 3, "codebook_size": 8, "code_dim": 4, "sample_temperature": 0.0, "dropout": 0.0} | changes
    quantizer = ResidualQuantizer(QuantizerConfig(**values))  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(3)
    scales = [1.0, 0.3, 0.1]
    quantizer.load_state_dict(
        {f"layers.{i}.codebook": torch.randn(8, 4, generator=generator) * scale for i, scale in enumerate(scales)}
    )
    return quantizer


def test_straight_through_has_the_value_of_the_code_and_a_gradient_of_one() -> None:
    latent = torch.tensor([0.2, -0.7], requires_grad=True)
    result = straight_through(latent, torch.tensor([1.0, 2.0]))
    assert torch.allclose(result, torch.tensor([1.0, 2.0]))
    result.sum().backward()
    assert latent.grad is not None and torch.equal(latent.grad, torch.ones(2))


def test_gradient_through_all_layers_together_is_one() -> None:
    quantizer = _quantizer().eval()
    latent = torch.randn(2, 5, 4, requires_grad=True)
    quantizer(latent).quantised.sum().backward()
    assert latent.grad is not None and torch.allclose(latent.grad, torch.ones_like(latent))


def test_a_code_vector_quantises_to_itself() -> None:
    book = _quantizer()._books()[0]
    assert torch.equal(book.nearest(book.codebook), torch.arange(8))


def test_codes_survive_embedding_and_encoding_when_layers_are_far_apart() -> None:
    quantizer = ResidualQuantizer(QuantizerConfig(layers=2, codebook_size=4, code_dim=2))
    coarse = torch.tensor([[10.0, 0.0], [0.0, 10.0], [-10.0, 0.0], [0.0, -10.0]])
    quantizer.load_state_dict({"layers.0.codebook": coarse, "layers.1.codebook": coarse / 10})
    codes = torch.tensor(list(itertools.product(range(4), range(4)))).view(1, 16, 2)
    assert torch.equal(quantizer.encode(quantizer.embed(codes)), codes)


def test_commit_loss_is_the_mean_over_layers_of_the_residual_error() -> None:
    quantizer = ResidualQuantizer(QuantizerConfig(layers=2, codebook_size=2, code_dim=1)).eval()
    quantizer.load_state_dict(
        {"layers.0.codebook": torch.tensor([[0.0], [4.0]]), "layers.1.codebook": torch.tensor([[-1.0], [1.0]])}
    )
    # 3 → code 4, residual -1 → code -1, residual 0; 0.5 → code 0, residual 0.5 → code 1, residual -0.5
    output = quantizer(torch.tensor([[[3.0], [0.5]]]))
    assert output.codes.tolist() == [[[1, 0], [0, 1]]]
    assert output.commit_loss.item() == pytest.approx(((1.0 + 0.25) / 2 + (0.0 + 0.25) / 2) / 2)
    assert output.quantised.flatten().tolist() == pytest.approx([3.0, 1.0])
    assert output.perplexity.tolist() == pytest.approx([2.0, 2.0], rel=1e-4)


def test_moving_average_update_worked_by_hand() -> None:
    book = Codebook(QuantizerConfig(layers=1, codebook_size=2, code_dim=1, decay=0.9, dead_code_share=0.0))
    book.codebook.copy_(torch.tensor([[1.0], [5.0]]))
    book.adopt()
    book.update(torch.tensor([[2.0], [2.0], [3.0], [9.0]]), torch.tensor([0, 0, 0, 1]))
    # Even usage is 4 / 2 = 2. Counts: .9·2 + .1·3 = 2.1, .9·2 + .1·1 = 1.9; sums: .9·2·1 + .1·7, .9·2·5 + .1·9
    assert book.code_count.tolist() == pytest.approx([2.1, 1.9])
    assert book.codebook.flatten().tolist() == pytest.approx([2.5 / 2.1, 9.9 / 1.9])


def test_a_dead_code_moves_onto_a_row_of_the_batch_and_is_not_moved_again_at_once() -> None:
    book = Codebook(QuantizerConfig(layers=1, codebook_size=2, code_dim=1, decay=0.5, dead_code_share=0.2))
    book.codebook.copy_(torch.tensor([[0.0], [100.0]]))
    book.adopt()
    rows = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    for _ in range(3):  # counts of the unused code: 1, 0.5, 0.25 < 0.2 · 2
        book.update(rows, torch.zeros(4, dtype=torch.long))
    revived = book.codebook[1].item()
    assert revived in (1.0, 2.0, 3.0, 4.0)
    assert book.code_count[1].item() == pytest.approx(2.0)
    book.update(rows, torch.zeros(4, dtype=torch.long))
    assert book.codebook[1].item() == pytest.approx(revived)


def test_first_batch_places_codes_on_the_clusters() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    rows = (centres.repeat(40, 1) + 0.01 * torch.randn(120, 2)).view(1, 120, 2)
    quantizer = ResidualQuantizer(QuantizerConfig(layers=1, codebook_size=12, code_dim=2, sample_temperature=0.0))
    quantizer.train()(rows)
    assert (quantizer.encode(rows) >= 0).all()
    assert (quantizer.embed(quantizer.encode(rows)) - rows).norm(dim=-1).max() < 0.1


def test_a_loaded_codebook_is_not_initialised_anew() -> None:
    quantizer = _quantizer(decay=0.99)
    before = quantizer.codebooks()
    quantizer.train()(torch.randn(4, 16, 4) + 50.0)
    assert (quantizer.codebooks()[0] - before[0]).norm(dim=1).median() < 3.0


def test_dropout_keeps_first_layers_only_and_marks_the_rest() -> None:
    torch.manual_seed(0)
    quantizer = _quantizer(dropout=1.0).train()
    kept = set()
    for _ in range(40):
        before = quantizer.codebooks()
        output = quantizer(torch.randn(2, 8, 4))
        used = int((output.codes[0, 0] >= 0).sum())
        assert (output.codes[..., :used] >= 0).all() and (output.codes[..., used:] == -1).all()
        assert torch.equal(quantizer.codebooks()[used:], before[used:])
        kept.add(used)
    assert kept == {1, 2, 3}


def test_embedding_leaves_out_a_dropped_layer() -> None:
    quantizer = _quantizer()
    books = quantizer.codebooks()
    assert torch.allclose(quantizer.embed(torch.tensor([[[2, -1, 5]]]))[0, 0], books[0, 2] + books[2, 5])


def test_bad_configuration_names_the_field() -> None:
    with pytest.raises(ConfigError, match="decay"):
        QuantizerConfig(decay=1.5)
