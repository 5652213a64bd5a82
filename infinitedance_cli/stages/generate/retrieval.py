"""The music of a song, step by step, and the dances that the retriever finds for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.models.dance_index import Hit
from infinitedance_cli.models.timeline import music_at_steps


@dataclass(frozen=True)
class SongFeatures:
    """Encoded music: `rows` (T', D) at `rate_hz` from the encoder `encoder`, and the length of a step in seconds."""

    rows: NDArray[np.float16]
    rate_hz: float
    encoder: str
    step_s: float

    def steps(self, first: int, count: int) -> NDArray[np.float32]:
        """Music (count, M) of the steps from `first` on."""
        return music_at_steps(self.rows, self.rate_hz, count, self.step_s, first)


def find_dances(bundle: Bundle, music: NDArray[np.float32], hits: int, genre: str | None = None) -> list[Hit]:
    """The indexed windows of dance that go best with `music` (S, M), best first; of one genre, or of all."""
    with torch.inference_mode():
        query = bundle.retriever.embed_music(torch.from_numpy(music)[None]).numpy()
    return bundle.index.search(query, hits, genre=genre)[0]
