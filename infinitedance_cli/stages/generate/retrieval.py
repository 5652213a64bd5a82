"""The music of a song, step by step, and the dances that the retriever finds for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.models.dance_index import Hit
from infinitedance_cli.models.timeline import music_at_steps


class Music(Protocol):
    """What is known of a song."""

    @property
    def beats(self) -> NDArray[np.float64]:
        """Beats (B,), seconds."""
        ...

    def steps(self, first: int, count: int) -> NDArray[np.float32]:
        """Music (count, M) of the steps from `first` on."""
        ...


@dataclass(frozen=True)
class SongFeatures:
    """Encoded music: `rows` (T', D) at `rate_hz` from row `first_row` on, the length of a step, seconds, and the beats
    (B,), seconds.
    """

    rows: NDArray[np.float16]
    rate_hz: float
    step_s: float
    beats: NDArray[np.float64]
    first_row: int = 0

    def steps(self, first: int, count: int) -> NDArray[np.float32]:
        """Music (count, M) of the steps from `first` on."""
        return music_at_steps(self.rows, self.rate_hz, count, self.step_s, first, self.first_row)


def find_dances(bundle: Bundle, music: NDArray[np.float32], hits: int, genre: str | None = None) -> list[Hit]:
    """The indexed windows of dance that go best with `music` (S, M), best first; of one genre, or of all."""
    with torch.inference_mode():
        query = bundle.retriever.embed_music(torch.from_numpy(music)[None]).numpy()
    return bundle.index.search(query, hits, genre=genre)[0]
