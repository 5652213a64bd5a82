"""What every retrieval index can do, wherever its entries lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput

_RIDGE = 0.01
MADE_BY = {
    "codebook_sha256": ("codes of the codebook", "the tokenizer", "--tokenizer"),
    "retriever_sha256": ("embeddings of the retriever", "the retriever", "--retriever"),
}
"""Which of an index's details name the networks that made it, and how to speak of them."""


def source_of(clip_id: str) -> str:
    """The clip that a variant was made from: the part of its id before "#"."""
    return clip_id.partition("#")[0]


@dataclass(frozen=True)
class IndexedClip:
    """A clip of the index: `codes` (S, Q) int16, its genre, provenance (source, licence, credit), and `movement`
    (S, 2): the change of heading in every step, radians, and the mean joint speed, m/s.

    `content` is a hash of what was indexed, by which the same clip is known again; "" where it was not kept.
    """

    clip_id: str
    genre: str
    codes: NDArray[np.int16]
    provenance: Mapping[str, Any]
    movement: NDArray[np.float32]
    content: str = ""


@dataclass(frozen=True)
class EmbeddedClip:
    """A clip, the first steps (W,) of its windows, and their unit embeddings (W, E)."""

    clip: IndexedClip
    starts: NDArray[np.int32]
    vectors: NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Hit:
    """A found window: cosine `similarity`, the clip's number in the index, and the first step of the window."""

    similarity: float
    clip: int
    start_step: int


class DanceIndex(ABC):
    """Windows of `window_steps` steps of codes, searchable by unit embeddings (E,).

    `clips` are read when they are asked for. `details` say how the index was made: codebook_sha256 of the codes,
    retriever_sha256 of the embeddings, and whatever else its maker knows.
    """

    clips: Sequence[IndexedClip]
    window_steps: int
    details: Mapping[str, Any]

    @abstractmethod
    def __len__(self) -> int:
        """How many windows can be found."""

    @property
    @abstractmethod
    def genres(self) -> tuple[str, ...]:
        """Genres that have at least one entry, sorted."""

    @abstractmethod
    def search(
        self, queries: NDArray[np.float32], count: int, *, genre: str | None = None, without: Collection[str] = ()
    ) -> list[list[Hit]]:
        """The `count` entries nearest to each query (B, E), best first; fewer where the index has fewer.

        `genre` limits the search to one genre; `without` leaves out clips by id, with their variants (`id#1`, …): a
        clip must not find itself. The result is exact in an index of up to 50,000 entries, and where a filter leaves
        up to 5,000 of a larger one.
        """

    @abstractmethod
    def pace(self, genre: str) -> float:
        """Mean joint speed of a genre's dances, m/s; 0 where it has none."""

    @abstractmethod
    def _steps(self) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        """Codes (S, Q) and turns (S,), radians, of the indexed steps, or of an even share of very many."""

    def require_maker(self, **details: str) -> None:
        """Raise BadInput when the index was made with another codebook_sha256 or retriever_sha256 than given.

        What an index does not say of itself, as older ones do not of their retriever, is taken for the same.
        """
        for name, given in details.items():
            what, whose, option = MADE_BY[name]
            own = self.details.get(name, given)
            if own != given:
                raise BadInput(
                    f"the index holds {what} {own[:12]}…, {whose} has {given[:12]}…; build it again "
                    f"with `idance build-index {option}`"
                )

    def require_codebook(self, sha256: str) -> None:
        """Raise BadInput when the codes belong to another tokeniser than the one with this codebook."""
        self.require_maker(codebook_sha256=sha256)

    def codes(self, hit: Hit) -> NDArray[np.int16]:
        """Codes (window_steps, Q) of a hit."""
        return self.clips[hit.clip].codes[hit.start_step : hit.start_step + self.window_steps]

    def code_turns(self, codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
        """By how much each code (Q, K) turns the dancer, radians; the turn of a step is the sum over its codes.

        A linear fit to the indexed steps from the vectors of their codes, so that it also knows codes, and sums of
        codes, that they do not use. `codebooks` (Q, K, C) of the tokeniser that made the codes.
        """
        codes, turns = self._steps()
        vectors = sum(book[column] for book, column in zip(codebooks, codes.T, strict=True))
        spread = vectors.T @ vectors + _RIDGE * len(codes) * np.eye(codebooks.shape[-1], dtype=np.float32)
        return (codebooks @ np.linalg.solve(spread, vectors.T @ turns)).astype(np.float32)
