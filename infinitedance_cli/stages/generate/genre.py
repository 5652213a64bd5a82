"""Which genre is danced: the one asked for, the nearest that the model knows, or what fits the song."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from infinitedance_cli.errors import UsageError
from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.motion import genres
from infinitedance_cli.stages.generate.config import AUTO
from infinitedance_cli.stages.generate.retrieval import Music, find_dances

logger = logging.getLogger(__name__)

_VOTES = 10
"""Dances that vote on the genre for every window of the song."""


@dataclass(frozen=True)
class GenreChoice:
    """The genre as the user asked for it ("" for `auto`), and the one that the model dances ("" for none)."""

    requested: str
    danced: str


def known_genre(requested: str, known: tuple[str, ...]) -> GenreChoice:
    """The genre `requested`, or the nearest that the model has learned, with a warning that says so.

    Raises UsageError when the name is unknown (the message lists the genres) or the model has learned no genres.
    """
    wanted = genres.canonical(requested)
    if not known:
        raise UsageError(f"this model was trained without genres; it cannot dance {wanted}: leave out --genre")
    danced = genres.nearest_known(wanted, known)
    if danced != wanted:
        logger.warning("the model was not trained on %s; dancing %s, the nearest that it knows", wanted, danced)
    return GenreChoice(wanted, danced)


def fitting_genre(bundle: Bundle, music: Music, steps: int) -> GenreChoice:
    """The genre most often retrieved over the `steps` of a song; none for a model that was trained without genres."""
    if not bundle.genres:
        return GenreChoice("", "")
    window = bundle.index.window_steps
    votes: Counter[str] = Counter()
    for first in range(0, max(1, steps - window + 1), window):
        hits = find_dances(bundle, music.steps(first, window), _VOTES)
        votes.update(bundle.index.clips[hit.clip].genre for hit in hits)
    known = [genre for genre, _ in votes.most_common() if genre in bundle.genres]
    danced = known[0] if known else bundle.genres[0]
    logger.info("genre: %s, by the dances that go with such music (--genre picks another)", danced)
    return GenreChoice("", danced)


def choose_genre(requested: str, bundle: Bundle, music: Music, steps: int) -> GenreChoice:
    """The genre for a song of `steps` steps; raises as `known_genre`."""
    if requested == AUTO:
        return fitting_genre(bundle, music, steps)
    return known_genre(requested, bundle.genres)
