"""Windows over a song, worked by hand, what a window is given, and dances drawn side by side."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.released.conditioner import Conditioner, WindowCondition
from infinitedance_cli.models.released.drawer import WindowDrawer
from infinitedance_cli.models.released.generation import Dance, Drawn, Window, draw_dances, song_windows
from infinitedance_cli.models.released.sampler import ReleasedSampling
from tests.models.released.tiny_release import spread_choreographer


def test_released_windows_of_thirty_seconds() -> None:
    # 750 frames of MuQ are 675 tokens: three windows, 288 + 2 · 192 = 672 tokens, 896 of 900 frames.
    windows = song_windows(675 // 3, whole=False, seamless=False, opening=20)
    assert windows == [Window(0, 20, 0), Window(64, 20, 32), Window(128, 20, 32)]
    assert 3 * sum(96 - window.new for window in windows) == 672


@pytest.mark.parametrize(("frames", "windows"), [(10, 1), (320, 1), (533, 1), (534, 2), (747, 3)])
def test_released_windows_begin_every_192_tokens(frames: int, windows: int) -> None:
    assert len(song_windows(frames * 9 // 10 // 3, whole=False, seamless=False)) == windows


@pytest.mark.parametrize("steps", [1, 96, 97, 160, 1500])
@pytest.mark.parametrize("seamless", [False, True])
def test_windows_over_a_whole_song_leave_nothing_out(steps: int, seamless: bool) -> None:
    windows = song_windows(steps, whole=True, seamless=seamless)
    done = 0
    for window in windows:
        assert window.new == done - window.first
        assert window.fed == (window.new if seamless else min(window.new, 20))
        done = window.first + 96
    assert done == max(steps, 96)


class _Noting(WindowDrawer):
    """Remembers how many rows were drawn together and what they began with."""

    def __init__(self, model: ReleasedChoreographer) -> None:
        super().__init__(copy.deepcopy(model), ReleasedSampling())
        self.rounds: list[tuple[int, Tensor | None]] = []

    def draw(
        self, prefix: Tensor, given: Tensor | None, generators: Sequence[Generator], every: int | None = None
    ) -> Iterator[Tensor]:
        self.rounds.append((len(prefix), given))
        return super().draw(prefix, given, generators, every)


@pytest.fixture(scope="module")
def model() -> ReleasedChoreographer:
    return spread_choreographer()


def _dance(windows: Sequence[Window], seed: int, opening: np.ndarray | None = None) -> Dance:
    def condition_at(first: int) -> WindowCondition:
        random = Generator().manual_seed(first)
        return WindowCondition(torch.randn(320, 1024, generator=random), 1, torch.randn(384, 264, generator=random))

    return Dance(windows, condition_at, seed, opening)


def _codes(drawn: Sequence[Drawn]) -> dict[int, np.ndarray]:
    """Codes of each dance by seed."""
    return {
        part.dance.seed: np.concatenate([other.codes for other in drawn if other.dance is part.dance])
        for part in drawn
        if part.last
    }


def test_the_release_redoes_twelve_steps_and_throws_them_away(model: ReleasedChoreographer) -> None:
    opening = np.arange(60).reshape(20, 3)
    drawer = _Noting(model)
    windows = song_windows(225, whole=False, seamless=False, opening=20)
    codes = _codes(list(draw_dances(drawer, [_dance(windows, 5, opening)], 1)))[5]
    fed = [given[0].numpy() for _, given in drawer.rounds if given is not None]
    assert len(codes) == 224
    assert np.array_equal(codes[:20], opening) and np.array_equal(fed[0], opening)
    assert np.array_equal(fed[1], codes[64:84]) and np.array_equal(fed[2], codes[128:148])


def test_seamless_windows_go_on_from_what_is_kept(model: ReleasedChoreographer) -> None:
    drawer = _Noting(model)
    codes = _codes(list(draw_dances(drawer, [_dance(song_windows(160, whole=True, seamless=True), 5)], 1)))[5]
    fed = [given[0].numpy() for _, given in drawer.rounds if given is not None]
    assert len(codes) == 160
    assert len(fed) == 1 and np.array_equal(fed[0], codes[64:96])


def test_dances_of_any_length_fill_the_batch_and_are_what_they_are_alone(model: ReleasedChoreographer) -> None:
    lengths = {0: 160, 1: 96, 2: 224, 3: 96, 4: 160}

    def dances() -> list[Dance]:
        return [_dance(song_windows(steps, whole=True, seamless=True), seed) for seed, steps in lengths.items()]

    drawer = _Noting(model)
    together = _codes(list(draw_dances(drawer, dances(), 2)))
    assert {seed: len(codes) for seed, codes in together.items()} == lengths
    assert [rows for rows, _ in drawer.rounds].count(1) <= 1  # nine windows in rounds of two
    for dance in dances():
        alone = _codes(list(draw_dances(_Noting(model), [dance], 1)))[dance.seed]
        assert np.array_equal(alone, together[dance.seed])


def test_parts_of_a_window_come_in_order_and_once(model: ReleasedChoreographer) -> None:
    windows = song_windows(160, whole=True, seamless=True)
    whole = _codes(list(draw_dances(_Noting(model), [_dance(windows, 3)], 1)))[3]
    parts = list(draw_dances(_Noting(model), [_dance(windows, 3)], 1, every=15))
    assert [len(part.codes) for part in parts] == [15] * 6 + [6] + [15] * 4 + [4]
    assert [part.last for part in parts] == [False] * 11 + [True]
    assert np.array_equal(_codes(parts)[3], whole)


def test_an_error_in_a_condition_is_raised(model: ReleasedChoreographer) -> None:
    short = WindowCondition(torch.zeros(319, 1024), 1, torch.zeros(384, 264))
    dance = Dance(song_windows(96, whole=True, seamless=True), lambda first: short, 0)
    with pytest.raises(BadInput, match="music has shape"):
        list(draw_dances(_Noting(model), [dance], 1))


def test_takes_that_share_a_condition_share_its_computation(
    model: ReleasedChoreographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    condition = ReleasedChoreographer.condition

    def noted(self: ReleasedChoreographer, music: Tensor, style: Tensor, reference: Tensor) -> Tensor:
        heard.append(len(music))
        return condition(self, music, style, reference)

    monkeypatch.setattr(ReleasedChoreographer, "condition", noted)
    random = Generator().manual_seed(4)
    told = [
        WindowCondition(torch.randn(320, 1024, generator=random), style, torch.randn(384, 264, generator=random))
        for style in (1, 2)
    ]
    with Conditioner(model) as conditioner:
        begun = conditioner.begin([lambda: told[0], lambda: told[1], lambda: told[0]])
        prefixes = [conditioner.ready_row(begun, row) for row in range(3)]
    assert heard == [2] and prefixes[0] is prefixes[2]
    music, reference = told[1].music[None], told[1].reference[None]
    with torch.no_grad():
        alone = condition(model, music, torch.tensor([2]), reference)[0]
    assert torch.allclose(prefixes[1], alone, atol=1e-5)
