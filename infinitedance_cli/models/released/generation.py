"""A dance from the released choreographer, window by window, as the release does it or without its defects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.generation import window_starts
from infinitedance_cli.models.released.sampler import ReleasedSampler

_RELEASED_STRIDE, _RELEASED_FED, _RELEASED_OVERLAP = 64, 20, 32

PrefixAt = Callable[[int], Tensor]
"""First step of a window → its condition (1, music_length, hidden)."""


@dataclass(frozen=True)
class Window:
    """Steps [first, first + 96) of the dance: `fed` steps are given, the others drawn; those from `new` on are kept."""

    first: int
    fed: int
    new: int


def released_windows(music_frames: int, window: int = 96) -> list[Window]:
    """The release's windows over music at 25 Hz: every 64 steps, the end of the song dropped.

    After the first, a window is given the first 20 of the last 32 steps and draws the other 12 again; what it draws for
    them is thrown away, so that the dance jumps where the windows meet.
    """
    tokens = music_frames * 9 // 10
    count = max(1, (tokens - 3 * window) // (3 * _RELEASED_STRIDE) + 1)
    return [
        Window(_RELEASED_STRIDE * number, _RELEASED_FED, _RELEASED_OVERLAP if number else 0) for number in range(count)
    ]


def seamless_windows(steps: int, kept: int, window: int = 96, opening: int = 0) -> list[Window]:
    """Windows that cover all `steps` and share `kept` of them; every shared step is given, so that nothing jumps.

    `opening` steps of the first window are given, too: a copy of a retrieved dance.
    """
    windows: list[Window] = []
    done = 0
    for first in window_starts(max(steps, window), window, kept):
        fed = done - first if windows else opening
        windows.append(Window(first, fed, fed if windows else 0))
        done = first + window
    return windows


@torch.inference_mode()
def draw_windows(
    model: ReleasedChoreographer,
    windows: list[Window],
    prefix_at: PrefixAt,
    sampler: ReleasedSampler,
    takes: int,
    opening: NDArray[np.int64] | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Codes (takes, n, Q) that each window adds to the dances.

    `opening` (steps, Q) is copied into the first window where it is given; without it the dance begins freely.
    """
    decoder = model.decoder()
    device = model.codebook.device
    last: Tensor | None = None if opening is None else torch.from_numpy(opening).to(device).expand(takes, -1, -1)
    for number, window in enumerate(windows):
        sampler.begin_window()
        state, hidden = model.start(prefix_at(window.first).expand(takes, -1, -1), decoder)
        fed = 0 if last is None else window.fed
        drawn = [] if last is None else list(last[:, :fed].unbind(1))
        if fed and last is not None:
            hidden = model.feed(decoder, state, last[:, :fed])
        for _ in range(model.config.steps - fed):
            codes, hidden = model.sample_step(decoder, state, hidden, sampler)
            drawn.append(codes)
        danced = torch.stack(drawn, 1)
        yield danced[:, window.new :].cpu().numpy()
        if number + 1 < len(windows):
            last = danced[:, windows[number + 1].first - window.first :]
