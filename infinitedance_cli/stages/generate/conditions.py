"""What the choreographer is told of a song: music, genre and retrieved dances, window by window."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.models.conditioning import Keep
from infinitedance_cli.models.references import reference_codes, reference_vectors
from infinitedance_cli.models.timeline import music_at_steps
from infinitedance_cli.motion import genres
from infinitedance_cli.stages.generate.config import GenerateConfig

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GenreChoice:
    """The genre as the user asked for it, and the one that the model dances instead ("" for none)."""

    requested: str
    danced: str


@dataclass(frozen=True)
class SongFeatures:
    """Encoded music: `rows` (T', D) at `rate_hz`, and the length of a step in seconds."""

    rows: NDArray[np.floating]
    rate_hz: float
    step_s: float

    def steps(self, first: int, count: int) -> NDArray[np.float32]:
        """Music (count, M) of the steps from `first` on."""
        return music_at_steps(self.rows, self.rate_hz, count, self.step_s, first)


def choose_genre(requested: str, bundle: Bundle, music: SongFeatures, total_steps: int) -> GenreChoice:
    """The genre to dance: the requested one, the nearest that the model knows, or what fits the song best.

    Raises UsageError on an unknown name; the message lists the genres.
    """
    if requested != "auto":
        wanted = genres.canonical(requested)
        danced = genres.nearest_known(wanted, bundle.genres)
        if danced != wanted:
            logger.warning("the model was not trained on %s; dancing %s, the nearest that it knows", wanted, danced)
        return GenreChoice(wanted, danced)
    window = bundle.index.window_steps
    starts = range(0, max(1, total_steps - window + 1), window)
    hits = [hit for start in starts for hit in _search(bundle, music, start, window, 10, None)]
    votes = Counter(bundle.index.clips[hit.clip].genre for hit in hits)
    danced = votes.most_common(1)[0][0] if votes else ""
    logger.info("genre: %s (chosen for the song; --genre picks another)", danced)
    return GenreChoice("", danced)


def _search(bundle: Bundle, music: SongFeatures, first: int, count: int, hits: int, genre: str | None) -> list:
    rows = torch.from_numpy(music.steps(first, count))[None]
    with torch.inference_mode():
        query = bundle.retriever.embed_music(rows).numpy()
    return bundle.index.search(query, hits, genre=genre)[0]


class Conditions:
    """Condition of every window, for all takes, with the unconditional half that guidance needs.

    References are drawn for each take from twice as many as are used, so that takes differ; the draw depends on the
    seed of the take and the window only.
    """

    def __init__(
        self, bundle: Bundle, music: SongFeatures, genre: GenreChoice, config: GenerateConfig, device: torch.device
    ) -> None:
        self.bundle, self.music, self.genre, self.config, self.device = bundle, music, genre, config, device
        self.guided = config.guidance != 1.0

    @torch.inference_mode()
    def __call__(self, first: int, count: int) -> Tensor:
        """Condition (rows, count, hidden); see `models.generation.generate_codes`."""
        takes, model = self.config.takes, self.bundle.choreographer
        music = torch.from_numpy(self.music.steps(first, count)).to(self.device).expand(takes, -1, -1)
        number = genres.NUMBERS.get(self.genre.danced, -1)
        genre = torch.full((takes,), number, device=self.device)
        references = self._references(first, count)
        with_all = model.condition(music, genre, references, Keep.of(takes, references=references is not None))
        if not self.guided:
            return with_all
        nothing = Keep.of(takes, music=False, genre=False, references=False)
        return torch.cat([with_all, model.condition(music, genre, references, nothing)])

    def _references(self, first: int, count: int) -> Tensor | None:
        used, model = self.config.references, self.bundle.choreographer
        if not used or not model.config.condition.reference_dim:
            return None
        hits = _search(self.bundle, self.music, first, count, 2 * used, self.genre.danced or None)
        if not hits:
            return None
        rows = []
        for take in range(self.config.takes):
            random = np.random.default_rng((self.config.seed + take, first))
            chosen = np.sort(random.choice(len(hits), size=min(used, len(hits)), replace=False))
            rows.append(reference_codes(self.bundle.index, [hits[number] for number in chosen], count))
        return reference_vectors(model.codebook, torch.from_numpy(np.stack(rows)).to(self.device))
