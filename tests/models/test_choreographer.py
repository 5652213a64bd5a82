"""The choreographer: causality, cached generation, conditions, guidance, loss, overfitting."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from infinitedance_cli.errors import BadInput, ConfigError
from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.cadence_moe import MoEConfig
from infinitedance_cli.models.choreographer import NO_CODE, Choreographer, ChoreographerConfig
from infinitedance_cli.models.conditioning import ConditionConfig, Keep, rank_weights
from infinitedance_cli.models.sampling import Sampler, SamplingConfig

_CONFIG = ChoreographerConfig(
    steps=12,
    codebook_size=16,
    code_dim=6,
    backbone=BackboneConfig(hidden=32, layers=2, heads=2, key_value_heads=1, intermediate=48),
    condition=ConditionConfig(
        music_dim=5, genres=4, genre_dim=7, reference_dim=6, moe=MoEConfig(bands=2, heads=2, state=4)
    ),
)


def _model(config: ChoreographerConfig = _CONFIG) -> Choreographer:
    torch.manual_seed(0)
    model = Choreographer(config).eval()
    model.set_codebook(torch.randn(3, 16, 6) / torch.tensor([1.0, 3.0, 9.0]).view(3, 1, 1))
    with torch.no_grad():
        for parameter in model.llama.parameters():
            parameter.mul_(6 if parameter.ndim > 1 else 1)
    return model


def _codes(batch: int = 2, steps: int = 12) -> Tensor:
    return torch.randint(0, 16, (batch, steps, 3), generator=torch.Generator().manual_seed(1))


def _conditions(batch: int = 2, steps: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return (
        torch.randn(batch, steps, 5, generator=generator),
        torch.arange(batch) % 4,
        torch.randn(batch, 3, steps, 6, generator=generator),
    )


@pytest.mark.parametrize("conditioning", ["aligned", "prefix"])
def test_a_changed_future_code_leaves_the_past_unchanged(conditioning: str) -> None:
    model = _model(replace(_CONFIG, conditioning=conditioning))
    condition = model.condition(*_conditions())
    codes = _codes()
    changed = codes.clone()
    changed[:, 6, 1] = (changed[:, 6, 1] + 1) % 16
    before, after = model(codes, condition).logits, model(changed, condition).logits
    assert torch.equal(before[:, :6], after[:, :6])
    assert torch.equal(before[:, 6, :2], after[:, 6, :2])  # levels 0 and 1 do not see level 1 of their own step
    assert (before[:, 6, 2] != after[:, 6, 2]).any() and (before[:, 7:] != after[:, 7:]).any()


def test_aligned_condition_of_a_later_step_leaves_the_past_unchanged() -> None:
    model = _model()
    condition = model.condition(*_conditions())
    changed = condition.clone()
    changed[:, 8] += 1.0
    before, after = model(_codes(), condition).logits, model(_codes(), changed).logits
    assert torch.equal(before[:, :8], after[:, :8])
    assert (before[:, 8] != after[:, 8]).any()


@pytest.mark.parametrize("conditioning", ["aligned", "prefix"])
def test_step_by_step_decoding_equals_the_full_pass(conditioning: str) -> None:
    model = _model(replace(_CONFIG, conditioning=conditioning))
    condition, codes = model.condition(*_conditions()), _codes()
    aligned = conditioning == "aligned"
    state = model.start(2, None if aligned else condition)
    history = torch.cat([torch.full_like(codes[:, :1], NO_CODE), codes[:, :-1]], 1)
    hidden = [
        model.step(state, None if t == 0 else codes[:, t - 1], condition[:, t] if aligned else None) for t in range(12)
    ]
    with torch.no_grad():
        full = model.hidden_states(history, condition)
    assert torch.allclose(torch.stack(hidden, 1), full, atol=1e-5)
    if not aligned:
        with pytest.raises(BadInput, match="window of this dance is full"):
            model.step(state, codes[:, -1])


def test_priming_with_a_kept_part_equals_stepping_through_it() -> None:
    model, codes = _model(), _codes()
    condition = model.condition(*_conditions())
    stepped, primed = model.start(2), model.start(2)
    for t in range(5):
        expected = model.step(stepped, codes[:, t], condition[:, t])
    hidden = model.prime(primed, codes[:, :5], condition[:, :5])
    assert torch.allclose(hidden[:, -1], expected, atol=1e-5)
    assert primed.steps == stepped.steps == 5


def test_generation_goes_on_beyond_the_window_as_training_saw_it() -> None:
    model = _model()
    codes, condition = _codes(1, 20), model.condition(*_conditions(1, 20))
    state = model.start(1, keep=8)
    hidden = [model.step(state, codes[:, t - 1] if t else None, condition[:, t]) for t in range(16)]
    with torch.no_grad():  # the second window begins at step 4 and knows the step before it
        window = model.hidden_states(codes[:, 3:15], condition[:, 4:16])
    assert torch.allclose(torch.stack(hidden[12:], 1), window[:, 8:], atol=1e-5)


def test_loss_is_the_mean_negative_log_likelihood_of_the_codes() -> None:
    model, codes = _model(), _codes()
    output = model(codes, model.condition(*_conditions()))
    chosen = output.logits.log_softmax(-1).gather(-1, codes.unsqueeze(-1))
    assert torch.allclose(output.level_losses, -chosen.mean((0, 1, 3)), atol=1e-5)
    assert torch.allclose(output.loss, -chosen.mean(), atol=1e-5)
    assert torch.allclose(output.accuracy, (output.logits.argmax(-1) == codes).float().mean((0, 1)))


def test_invalid_steps_do_not_count() -> None:
    model, codes = _model(), _codes()
    condition = model.condition(*_conditions())
    valid = torch.ones(2, 12, dtype=torch.bool)
    valid[1, 7:] = False
    other = codes.clone()
    other[1, 7:] = 3
    losses = [model(variant, condition, valid=valid).loss for variant in (codes, other)]
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], model(codes, condition).loss)


def test_level_weights_choose_the_level() -> None:
    model = _model(replace(_CONFIG, level_weights=(0.0, 2.0, 0.0)))
    output = model(_codes(), model.condition(*_conditions()))
    assert torch.allclose(output.loss, output.level_losses[1])


def test_the_step_before_the_window_is_heard() -> None:
    model, codes = _model(), _codes()
    condition = model.condition(*_conditions())
    start = model(codes, condition).logits
    assert torch.equal(model(codes, condition, previous=torch.full((2, 3), NO_CODE)).logits, start)
    assert not torch.allclose(model(codes, condition, previous=codes[:, 4]).logits[:, 0], start[:, 0])


def test_dropped_conditions_are_not_heard() -> None:
    model = _model()
    music, genre, references = _conditions()
    keep = Keep.of(2, music=False, genre=False, references=False)
    silent = model.condition(music, genre, references, keep)
    assert torch.equal(silent, model.condition(music + 1, (genre + 1) % 4, references + 1, keep))
    assert torch.equal(silent, model.condition(music, torch.full_like(genre, -1), None, Keep.of(2, music=False)))
    for name in ("music", "genre", "references"):
        part = model.condition(music, genre, references, replace(keep, **{name: torch.tensor([True, False])}))
        assert not torch.allclose(part[0], silent[0], atol=1e-4)
        assert torch.allclose(part[1], silent[1], atol=1e-6)


def test_training_drops_conditions_as_often_as_configured() -> None:
    torch.manual_seed(0)
    config = ConditionConfig(drop_music=0.1, drop_genre=0.3, drop_references=0.0, drop_all=0.2)
    keep = Keep.draw(20000, config)
    for mask, share in ((keep.music, 0.8 * 0.9), (keep.genre, 0.8 * 0.7), (keep.references, 0.8)):
        assert mask.float().mean().item() == pytest.approx(share, abs=0.015)
    assert not (keep.music & ~keep.references).any()


def test_references_are_weighted_by_rank() -> None:
    assert rank_weights(4).tolist() == pytest.approx([0.4, 0.3, 0.2, 0.1])
    model = _model()
    music, genre, references = _conditions()
    weighted = (references * torch.tensor([3 / 6, 2 / 6, 1 / 6]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    assert torch.allclose(model.condition(music, genre, references), model.condition(music, genre, weighted), atol=1e-5)


def test_music_projection_sees_exactly_the_steps_around() -> None:
    encoder = _model().conditions
    music = _conditions()[0]
    around = encoder._around(music)
    assert around.shape == (2, 12, 5 * 5)
    expected = torch.cat([music[:, t] for t in (4, 5, 6, 7, 8)], -1)  # one step before, three after
    assert torch.equal(around[:, 5], expected)
    assert torch.equal(around[:, 11, 10:15], music[:, 11])  # beyond the end the last step is repeated


def test_a_window_too_short_for_the_bands_goes_on_with_its_last_step() -> None:
    model = _model()
    music, genre, references = _conditions(2, 4)
    short = model.condition(music[:, :2], genre, references[:, :, :2])
    longer = torch.tensor([0, 1, 1, 1])
    assert torch.equal(short, model.condition(music[:, longer], genre, references[:, :, longer])[:, :2])


def test_history_is_disturbed_in_training_only() -> None:
    model = _model(replace(_CONFIG, history_dropout=0.25, history_noise=0.2))
    history = _codes(50, 12)
    assert torch.equal(model._disturb(history), history)
    torch.manual_seed(0)
    disturbed = model.train()._disturb(history)
    hidden = (disturbed == NO_CODE).all(-1)
    assert hidden.float().mean().item() == pytest.approx(0.25, abs=0.06)
    changed = (disturbed != history)[~hidden].float().mean().item()
    assert changed == pytest.approx(0.2 * 15 / 16, abs=0.04)  # a random code may be the same again


def test_guidance_extrapolates_from_the_unconditional_logits() -> None:
    model = _model()
    hidden = torch.randn(2, 32)
    state = model.start(2)
    greedy = SamplingConfig(temperature=0.0)
    logits = model.head.level_logits(hidden, torch.zeros(2, 0, dtype=torch.long), state.vectors, 0)
    for guidance in (0.0, 2.5, 6.0):
        codes = model.sample_codes(state, hidden, Sampler(greedy, [0]), guidance)
        expected = logits[1] + guidance * (logits[0] - logits[1])
        assert codes.shape == (1, 3) and codes[0, 0] == expected.argmax()
    same = model.sample_codes(state, hidden[:1].repeat(2, 1), Sampler(greedy, [0]), 3.0)
    assert torch.equal(same, model.sample_codes(state, hidden[:1], Sampler(greedy, [0])))


def test_sampled_levels_depend_on_the_levels_before() -> None:
    model = _model()
    state = model.start(1)
    hidden = torch.randn(1, 32)
    codes = model.sample_codes(state, hidden, Sampler(SamplingConfig(temperature=0.0), [0]))
    logits = model.head(hidden, codes, state.vectors)
    assert torch.equal(logits.argmax(-1), codes)


def test_wrong_shapes_and_settings_are_refused() -> None:
    model = _model()
    music, genre, references = _conditions()
    with pytest.raises(BadInput, match="music has shape"):
        model.condition(music[..., :4], genre, references)
    with pytest.raises(BadInput, match="references have shape"):
        model.condition(music, genre, references[:, :, :4])
    with pytest.raises(BadInput, match="codebooks are"):
        model.set_codebook(torch.zeros(3, 16, 5))
    with pytest.raises(BadInput, match="expected no prefix"):
        model.start(1, torch.zeros(1, 12, 32))
    with pytest.raises(BadInput, match="needs one at every step"):
        model.step(model.start(1), None)
    with pytest.raises(ConfigError, match="conditioning"):
        ChoreographerConfig(conditioning="both")
    with pytest.raises(ConfigError, match="level_weights"):
        ChoreographerConfig(level_weights=(1.0, 1.0))


def test_overfits_one_batch_and_generates_it() -> None:
    """After training on two dances to two songs, greedy decoding dances each to its own song."""
    quiet = replace(_CONFIG, dropout=0.0, history_dropout=0.3, history_noise=0.0)
    torch.manual_seed(0)
    model = Choreographer(replace(quiet, backbone=replace(quiet.backbone, attention_dropout=0.0))).train()
    model.set_codebook(torch.randn(3, 16, 6))
    codes, conditions = _codes(), _conditions()
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(110):
        loss = model(codes, model.condition(*conditions, keep=Keep.of(2))).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    condition, state = model.condition(*conditions), model.start(2)
    sampler, previous, dance = Sampler(SamplingConfig(temperature=0.0), [0, 0]), None, []
    for t in range(12):
        previous = model.sample_codes(state, model.step(state, previous, condition[:, t]), sampler)
        dance.append(previous)
    assert torch.equal(torch.stack(dance, 1), codes)
