"""The release's sampling rules against a plain reading of them, one code at a time."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from infinitedance_cli.models.released.sampler import ReleasedSampler, ReleasedSampling

_CODES = 12


def _slow(logits: list[float], history: list[int], level: int, rules: ReleasedSampling) -> dict[int, float]:
    """Weight of every code, by the rules as they are written down, with Python lists."""
    temperature = rules.temperature
    if level == 0 and len(history) >= 6 and len(set(history[-6:])) <= 2:
        temperature *= rules.boost
    scaled = [value / temperature for value in logits]
    for code in set(history[-30:]):
        scaled[code] = scaled[code] / rules.penalty if scaled[code] > 0 else scaled[code] * rules.penalty
    most = rules.most_repeats if level == 0 else rules.most_repeats_residual
    banned = {code for code, count in Counter(history[-(most + 5) :]).items() if count >= most}
    if level == 0:
        grams = {tuple(history[i : i + rules.ngram]) for i in range(len(history) - rules.ngram + 1)}
        ending = tuple(history[len(history) - rules.ngram + 1 :])
        banned |= {gram[-1] for gram in grams if gram[:-1] == ending}
    best = sorted((code for code in range(len(scaled)) if code not in banned), key=lambda code: -scaled[code])
    best = best[: rules.top_k]
    weights = torch.softmax(torch.tensor([scaled[code] for code in best]), 0).tolist()
    kept, total = {}, 0.0
    for code, weight in zip(best, weights, strict=True):
        kept[code] = weight
        total += weight
        if total > rules.top_p:
            break
    return {code: weight / sum(kept.values()) for code, weight in kept.items()}


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_weights_are_those_of_the_rules(level: int, spread: float) -> None:
    rules = ReleasedSampling(top_k=8, top_p=0.9, most_repeats=3, most_repeats_residual=4, ngram=3)
    sampler = ReleasedSampler(rules, [1, 2], layers=2, steps=80, codes=_CODES)
    generator = torch.Generator().manual_seed(3)
    history: list[list[int]] = [[], []]
    narrow = torch.zeros(_CODES)
    narrow[:2] = 4 * spread  # two favourites, so that the rules against repeats have work
    for _ in range(80):
        logits = spread * torch.randn(2, _CODES, generator=generator) + narrow
        weights, candidates = sampler.distribution(logits, level)
        for row in range(2):
            expected = _slow(logits[row].tolist(), history[row], level, rules)
            found = {int(c): float(w) for c, w in zip(candidates[row], weights[row], strict=True) if w > 0}
            assert found.keys() == expected.keys()
            assert all(abs(found[code] - expected[code]) < 1e-5 for code in found)
        for row, code in enumerate(sampler.draw(logits, level).tolist()):
            history[row].append(code)


def test_rules_can_be_switched_off() -> None:
    off = ReleasedSampling(temperature=1, top_k=0, top_p=1, boost=1, penalty=1, most_repeats=0, ngram=0)
    sampler = ReleasedSampler(off, [0], layers=1, steps=40, codes=4)
    logits = torch.tensor([[3.0, 0.0, -1.0, -2.0]])
    for _ in range(40):
        weights, candidates = sampler.distribution(logits, 0)
        assert candidates[0].tolist() == [0, 1, 2, 3]
        assert torch.allclose(weights, torch.softmax(logits, 1), atol=1e-6)
        sampler.draw(logits, 0)


def test_a_take_does_not_depend_on_its_neighbours() -> None:
    def drawn(seeds: list[int], row: int) -> list[int]:
        sampler = ReleasedSampler(ReleasedSampling(), seeds, layers=1, steps=30, codes=_CODES)
        logits = torch.randn(30, 1, _CODES, generator=torch.Generator().manual_seed(5)).expand(-1, len(seeds), -1)
        return [int(sampler.draw(step, 0)[row]) for step in logits]

    assert drawn([7, 8], 1) == drawn([8], 0)
    assert drawn([7, 8], 0) != drawn([7, 8], 1)


def test_zero_temperature_takes_the_likeliest_that_is_not_banned() -> None:
    rules = ReleasedSampling(temperature=0, most_repeats=2, ngram=0, penalty=1)
    sampler = ReleasedSampler(rules, [0], layers=1, steps=4, codes=3)
    logits = torch.tensor([[2.0, 1.0, 0.0]])
    assert [int(sampler.draw(logits, 0)) for _ in range(4)] == [0, 0, 1, 1]


def test_where_all_codes_are_banned_one_is_drawn_nevertheless() -> None:
    rules = ReleasedSampling(most_repeats=1, ngram=0)
    sampler = ReleasedSampler(rules, [0], layers=1, steps=6, codes=2)
    drawn = [int(sampler.draw(torch.zeros(1, 2), 0)) for _ in range(6)]
    assert sorted(drawn[:2]) == [0, 1]


def test_a_new_window_forgets_the_last_one() -> None:
    rules = ReleasedSampling(temperature=0, most_repeats=1, ngram=0, penalty=1)
    sampler = ReleasedSampler(rules, [0], layers=1, steps=2, codes=3)
    logits = torch.tensor([[2.0, 1.0, 0.0]])
    first = [int(sampler.draw(logits, 0)) for _ in range(2)]
    sampler.begin_window()
    assert first == [0, 1] and int(sampler.draw(logits, 0)) == 0
