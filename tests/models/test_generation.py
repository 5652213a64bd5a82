"""Dances longer than a window, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from infinitedance_cli.errors import ConfigError
from infinitedance_cli.models.choreographer import NO_CODE, Choreographer
from infinitedance_cli.models.conditioning import Keep
from infinitedance_cli.models.generation import Selection, generate_codes, window_starts
from infinitedance_cli.models.sampling import Sampler, SamplingConfig
from tests.models.test_choreographer import _CONFIG, _conditions, _model

_GREEDY = SamplingConfig(temperature=0.0)


def _dance(model: Choreographer, total: int, kept: int = 5, seeds: tuple[int, ...] = (0,)) -> Tensor:
    music, genre = _conditions(1, total)[0], torch.tensor([1])

    def condition_at(first: int, count: int) -> Tensor:
        condition = model.condition(music[:, first : first + count], genre)
        return condition.expand(len(seeds), -1, -1)

    sampler = Sampler(SamplingConfig(top_p=1.0, top_k=0), seeds)
    return torch.stack(list(generate_codes(model, condition_at, total, sampler, takes=len(seeds), kept=kept)), 1)


def test_windows_share_the_kept_steps_and_the_last_ends_with_the_dance() -> None:
    assert window_starts(12, 12, 5) == [0]
    assert window_starts(7, 12, 5) == [0]
    assert window_starts(13, 12, 5) == [0, 1]
    assert window_starts(30, 12, 5) == [0, 7, 14, 18]
    assert window_starts(26, 12, 5) == [0, 7, 14]


@pytest.mark.parametrize("total", [3, 12, 24, 31])
def test_a_dance_whose_end_turns_up_late_is_the_same(total: int) -> None:
    """And no more is asked about than a step beyond the window that is drawn."""
    model, asked = _model(_CONFIG), []
    music, genre = _conditions(1, total)[0], torch.tensor([1])

    def until(steps: int) -> int:
        asked.append(steps)
        return min(steps, total)

    def condition_at(first: int, count: int) -> Tensor:
        return model.condition(music[:, first : first + count], genre)

    drawn = generate_codes(model, condition_at, until, Sampler(SamplingConfig(top_p=1.0, top_k=0), [0]), kept=5)
    first = next(drawn)
    assert asked == [13]
    assert torch.equal(torch.stack([first, *drawn], 1), _dance(model, total))


@pytest.mark.parametrize("conditioning", ["aligned", "prefix"])
@pytest.mark.parametrize("total", [1, 12, 13, 31])
def test_every_step_is_the_models_choice_within_its_window(conditioning: str, total: int) -> None:
    """Greedy: the codes drawn in a window are the argmax of a full pass over that window, given what is before."""
    model = _model(replace(_CONFIG, conditioning=conditioning))
    music, genre = _conditions(1, total)[0], torch.tensor([1])

    def condition_at(first: int, count: int) -> Tensor:
        return model.condition(music[:, first : first + count], genre)

    codes = list(generate_codes(model, condition_at, total, Sampler(_GREEDY, [0]), kept=5))
    dance = torch.stack([torch.full((1, 3), NO_CODE), *codes], 1)
    assert dance.shape[1] == total + 1
    done = 0
    for first in window_starts(total, 12, 5):
        stop = min(first + 12, total)
        with torch.no_grad():
            condition = condition_at(first, stop - first)
            logits = model(dance[:, first + 1 : stop + 1], condition, previous=dance[:, first]).logits
        assert torch.equal(logits.argmax(-1)[:, done - first :], dance[:, done + 1 : stop + 1])
        done = stop
    assert done == total


def test_the_seed_decides_the_dance() -> None:
    model = _model()
    assert torch.equal(_dance(model, 25), _dance(model, 25))
    assert not torch.equal(_dance(model, 25), _dance(model, 25, seeds=(1,)))
    both = _dance(model, 25, seeds=(0, 1))
    assert torch.equal(both[1:], _dance(model, 25, seeds=(1,)))


def test_guidance_of_one_and_equal_branches_agree() -> None:
    model = _model()
    music, genre, references = _conditions(1, 20)

    def branches(keep: Keep) -> list[Tensor]:
        def condition_at(first: int, count: int) -> Tensor:
            part = slice(first, first + count)
            full = model.condition(music[:, part], genre, references[:, :, part])
            return torch.cat([full, model.condition(music[:, part], genre, references[:, :, part], keep)])

        return list(generate_codes(model, condition_at, 20, Sampler(_GREEDY, [0]), guidance=2.0))

    def plain(first: int, count: int) -> Tensor:
        part = slice(first, first + count)
        return model.condition(music[:, part], genre, references[:, :, part])

    single = list(generate_codes(model, plain, 20, Sampler(_GREEDY, [0])))
    assert torch.equal(torch.stack(branches(Keep.of(1))), torch.stack(single))
    assert not torch.equal(torch.stack(branches(Keep.of(1, music=False))), torch.stack(single))


def test_kept_must_be_shorter_than_the_window() -> None:
    model = _model()
    with pytest.raises(ConfigError, match="kept is 12"):
        next(generate_codes(model, lambda first, count: torch.zeros(1, count, 32), 5, Sampler(_GREEDY, [0]), kept=12))


def test_candidates_that_are_alike_dance_what_one_dances() -> None:
    """Greedy rows are the same, so which of them goes on must not matter: memory and context follow the choice."""
    model = _model()
    music, genre = _conditions(1, 31)[0], torch.tensor([1])

    def condition_at(first: int, count: int) -> Tensor:
        return model.condition(music[:, first : first + count], genre)

    single = list(generate_codes(model, condition_at, 31, Sampler(_GREEDY, [0]), kept=5))
    picks = Selection(lambda codes, drawn, stop: stop % 3, span=4, context=3)
    chosen = generate_codes(model, condition_at, 31, Sampler(_GREEDY, [0, 1, 2]), takes=3, kept=5, selection=picks)
    assert torch.equal(torch.stack(list(chosen)), torch.stack(single))


def test_the_picked_candidate_goes_on_in_all_rows() -> None:
    model = _model()
    condition = torch.zeros(1, 31, 32)
    asked: list[tuple[Tensor, int, int]] = []

    def pick(codes: Tensor, drawn: int, stop: int) -> int:
        asked.append((codes, drawn, stop))
        return 1

    sampler = Sampler(SamplingConfig(top_p=1.0, top_k=0), [5, 6, 7])
    steps = generate_codes(
        model, lambda a, n: condition[:, :n], 31, sampler, takes=3, kept=5, selection=Selection(pick, 4, 3)
    )
    dance = torch.stack(list(steps), 1)
    assert dance.shape == (1, 31, 3)
    assert [(drawn, stop) for _, drawn, stop in asked] == [(4, stop) for stop in range(4, 29, 4)] + [(3, 31)]
    for codes, drawn, stop in asked:
        settled = codes.shape[1] - drawn
        assert settled == min(3, stop - drawn)
        assert torch.equal(codes[1], dance[0, stop - codes.shape[1] : stop])
        assert (codes[:, :settled] == codes[:1, :settled]).all() and not torch.equal(codes[0], codes[1])
