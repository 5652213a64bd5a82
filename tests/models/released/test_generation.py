"""Windows over a song, worked by hand, and what a window is given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.decoding import DecodeState, LlamaDecoder
from infinitedance_cli.models.released.generation import Window, draw_windows, released_windows, seamless_windows
from infinitedance_cli.models.released.sampler import ReleasedSampler, ReleasedSampling
from tests.models.released.tiny_release import CHOREOGRAPHER


def test_released_windows_of_thirty_seconds() -> None:
    # 750 frames of MuQ are 675 tokens: three windows, 288 + 2 · 192 = 672 tokens, 896 of 900 frames.
    windows = released_windows(750)
    assert windows == [Window(0, 20, 0), Window(64, 20, 32), Window(128, 20, 32)]
    assert 3 * sum(96 - window.new for window in windows) == 672


@pytest.mark.parametrize(("frames", "windows"), [(10, 1), (320, 1), (533, 1), (534, 2), (747, 3)])
def test_released_windows_begin_every_192_tokens(frames: int, windows: int) -> None:
    assert len(released_windows(frames)) == windows


@pytest.mark.parametrize("steps", [1, 96, 97, 160, 1500])
def test_seamless_windows_give_all_that_they_share(steps: int) -> None:
    windows = seamless_windows(steps, kept=32)
    done = 0
    for window in windows:
        assert window.fed == window.new == done - window.first
        done = window.first + 96
    assert done == max(steps, 96)


@pytest.fixture(scope="module")
def model() -> ReleasedChoreographer:
    torch.manual_seed(0)
    model = ReleasedChoreographer(CHOREOGRAPHER).eval()
    model.set_codebook(torch.randn(model.codebook.shape))
    with torch.no_grad():
        model.llama.lm_head.weight.mul_(30)
    return model


def _drawn(
    model: ReleasedChoreographer, windows: list[Window], monkeypatch: pytest.MonkeyPatch, opening: np.ndarray | None
) -> tuple[np.ndarray, list[np.ndarray]]:
    fed: list[np.ndarray] = []
    feed = ReleasedChoreographer.feed

    def noted(self: ReleasedChoreographer, decoder: LlamaDecoder, cache: DecodeState, codes: Tensor) -> Tensor:
        fed.append(codes[0].numpy())
        return feed(self, decoder, cache, codes)

    monkeypatch.setattr(ReleasedChoreographer, "feed", noted)
    hidden = CHOREOGRAPHER.backbone.hidden
    prefixes = torch.randn(3, 1, 320, hidden, generator=torch.Generator().manual_seed(1))
    sampler = ReleasedSampler(ReleasedSampling(), [5], layers=3, steps=96, codes=512)
    parts = draw_windows(model, windows, lambda first: prefixes[first // 64], sampler, 1, opening)
    return np.concatenate(list(parts), 1)[0], fed


def test_the_release_redoes_twelve_steps_and_throws_them_away(
    model: ReleasedChoreographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = np.arange(60).reshape(20, 3)
    codes, fed = _drawn(model, released_windows(750), monkeypatch, opening)
    assert len(codes) == 224
    assert np.array_equal(codes[:20], opening) and np.array_equal(fed[0], opening)
    assert np.array_equal(fed[1], codes[64:84]) and np.array_equal(fed[2], codes[128:148])


def test_seamless_windows_go_on_from_what_is_kept(
    model: ReleasedChoreographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes, fed = _drawn(model, seamless_windows(160, kept=32), monkeypatch, None)
    assert len(codes) == 160
    assert len(fed) == 1 and np.array_equal(fed[0], codes[64:96])
