"""What the choreographer is told of a song: music, genre and retrieved dances, window by window."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from infinitedance_cli.models.conditioning import Keep
from infinitedance_cli.models.dance_index import Hit
from infinitedance_cli.models.generation import ConditionAt
from infinitedance_cli.models.references import reference_codes, reference_vectors
from infinitedance_cli.motion import genres
from infinitedance_cli.stages.generate.brief import Commission
from infinitedance_cli.stages.generate.retrieval import find_dances


class Conditions:
    """Condition of every window, with the unconditional half that guidance needs.

    References are drawn for each take from twice as many as are used, so that takes differ; the draw depends on the
    seed of the take and the window only. What was found for a window serves all takes.
    """

    def __init__(self, brief: Commission) -> None:
        self.brief, self.model = brief, brief.bundle.choreographer
        self._found: dict[tuple[int, int], list[Hit]] = {}

    def of_take(self, take: int) -> ConditionAt:
        """The condition (1 or 2, count, hidden) of any window; see `models.generation.generate_codes`."""

        @torch.inference_mode()
        def condition_at(first: int, count: int) -> Tensor:
            brief = self.brief
            music = torch.from_numpy(brief.music.steps(first, count))[None].to(brief.device)
            genre = torch.tensor([genres.NUMBERS.get(brief.genre.danced, -1)], device=brief.device)
            references = self._references(take, first, count)
            condition = self.model.condition(music, genre, references, Keep.of(1, references=references is not None))
            if brief.config.guidance == 1.0:
                return condition
            nothing = Keep.of(1, music=False, genre=False, references=False)
            return torch.cat([condition, self.model.condition(music, genre, references, nothing)])

        return condition_at

    def _references(self, take: int, first: int, count: int) -> Tensor | None:
        """Vectors (1, K, count, code_dim) of the retrieved dances; None without."""
        used = self.brief.config.references
        if not used or not self.model.config.condition.reference_dim:
            return None
        hits = self._hits(first, count)
        if not hits:
            return None
        random = np.random.default_rng((self.brief.seed(take), first))
        chosen = np.sort(random.choice(len(hits), size=min(used, len(hits)), replace=False))
        codes = reference_codes(self.brief.bundle.index, [hits[number] for number in chosen], count)
        return reference_vectors(self.model.codebook, torch.from_numpy(codes)[None].to(self.brief.device))

    def _hits(self, first: int, count: int) -> list[Hit]:
        if (first, count) not in self._found:
            brief = self.brief
            if brief.config.takes == 1:
                self._found.clear()  # nobody will ask again, and a radio has no end
            music, genre = brief.music.steps(first, count), brief.genre.danced or None
            self._found[first, count] = find_dances(brief.bundle, music, 2 * brief.config.references, genre)
        return self._found[first, count]
