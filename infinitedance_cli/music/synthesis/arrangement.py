"""The form of a song: sections of a few bars, how full each is, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALL_PARTS = frozenset({"drums", "bass", "chords", "lead", "arpeggio"})


@dataclass(frozen=True)
class Section:
    """A stretch of bars with one mood.

    Attributes:
        name: intro, verse, build, chorus, break, outro.
        first_bar, bars: where it lies.
        energy: 0 to 1, the force of the playing.
        parts: which of `ALL_PARTS` play.
        drums: 0 hats and percussion only, 1 the groove thinned out, 2 the whole groove.
    """

    name: str
    first_bar: int
    bars: int
    energy: float
    parts: frozenset[str]
    drums: int


_MOODS: dict[str, tuple[float, frozenset[str], int]] = {
    "intro": (0.55, frozenset({"drums", "chords", "arpeggio"}), 1),
    "verse": (0.7, frozenset({"drums", "bass", "chords", "lead"}), 2),
    "build": (0.75, frozenset({"drums", "bass", "chords", "arpeggio"}), 1),
    "chorus": (1.0, ALL_PARTS, 2),
    "break": (0.65, frozenset({"drums", "chords", "lead", "arpeggio"}), 0),
    "outro": (0.6, frozenset({"drums", "bass", "chords"}), 1),
}

_FORMS: tuple[tuple[tuple[str, int], ...], ...] = (
    (("intro", 1), ("verse", 2), ("chorus", 2), ("break", 1), ("chorus", 2), ("outro", 1)),
    (("intro", 1), ("verse", 2), ("build", 1), ("chorus", 2), ("verse", 2), ("chorus", 2), ("outro", 1)),
    (("intro", 1), ("chorus", 2), ("verse", 2), ("break", 1), ("build", 1), ("chorus", 2), ("outro", 1)),
)


def arrange(bars: int, whole: bool, rng: np.random.Generator) -> list[Section]:
    """Sections that fill `bars` bars.

    Args:
        bars: at least 1.
        whole: from the intro to an ending; otherwise a cut out of the middle of a longer song.
    """
    form = list(_FORMS[rng.integers(len(_FORMS))])
    if not whole:
        form = _middle(form, bars, rng)
    elif bars < 12:
        form = [("intro", 1), ("verse", 2), ("chorus", 2), ("outro", 1)] if bars >= 6 else [("verse", 1), ("chorus", 1)]
    return _sections(form, _lengths([share for _, share in form], bars))


def _middle(form: list[tuple[str, int]], bars: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """As many neighbouring sections as a cut of that length meets, favouring full ones."""
    count = int(np.clip(round(bars / 8), 1, 4))
    inner = form[1:-1]
    if count == 1:
        return [inner[i] for i in rng.choice(len(inner), 1, p=_fullness(inner))]
    start = int(rng.integers(0, max(len(inner) - count, 0) + 1))
    return inner[start : start + count]


def _fullness(form: list[tuple[str, int]]) -> np.ndarray:
    weight = np.array([3.0 if _MOODS[name][2] == 2 else 1.0 for name, _ in form])
    return np.asarray(weight / weight.sum())


def _lengths(shares: list[int], bars: int) -> list[int]:
    """Bars of each section in proportion to its share: multiples of four, of two or of one, as there is room."""
    for unit in (4, 2, 1):
        lengths = [max(round(bars * share / sum(shares) / unit), 1) * unit for share in shares]
        if sum(lengths) <= bars + unit:
            break
    while sum(lengths) > bars:
        longest = int(np.argmax(lengths))
        if lengths[longest] == 1:
            lengths.pop()
        else:
            lengths[longest] -= 1
    lengths[-1] += bars - sum(lengths)
    return lengths


def _sections(form: list[tuple[str, int]], lengths: list[int]) -> list[Section]:
    sections: list[Section] = []
    bar = 0
    for (name, _), length in zip(form, lengths, strict=False):
        energy, parts, drums = _MOODS[name]
        sections.append(Section(name, bar, length, energy, parts, drums))
        bar += length
    return sections
