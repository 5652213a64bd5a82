"""Dance genres: thirty names in the release's six classes, their aliases, and which stands nearest to which.

A model knows the genres that it was trained on. A request for another one is mapped to the nearest that it knows,
walking `nearest` outwards, and the caller says so to the user.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass

from infinitedance_cli.errors import UsageError

CLASSES: tuple[str, ...] = ("ballet", "popular", "latin", "modern", "folk", "classic")
"""The release's six coarse genres, in the order of its style embedding."""


@dataclass(frozen=True)
class Genre:
    """A genre: its `name`, the class that it belongs to, other spellings, and its neighbours, nearest first."""

    name: str
    family: str
    aliases: tuple[str, ...]
    nearest: tuple[str, ...]


_TABLE: tuple[tuple[str, str, str, str], ...] = (
    ("ballet", "ballet", "classical ballet", "ballet-jazz contemporary modern"),
    ("k-pop", "popular", "kpop, korean pop, idol, tiktok", "j-pop street-jazz urban disco"),
    ("j-pop", "popular", "jpop, japanese pop, pop", "k-pop disco street-jazz"),
    ("hip-hop", "popular", "hiphop, middle hip-hop, hip hop, gmh", "la-hip-hop urban popping"),
    ("la-hip-hop", "popular", "la hip-hop, la style, la-style hip-hop, glh", "hip-hop urban street-jazz"),
    ("breaking", "popular", "break, breakdance, breakdancing, b-boying, gbr", "krump hip-hop house"),
    ("popping", "popular", "pop and lock, gpo", "locking hip-hop"),
    ("locking", "popular", "lock, glo", "popping disco hip-hop"),
    ("house", "popular", "house dance, shuffle, shuffle dance, techno, gho", "hip-hop waacking disco"),
    ("krump", "popular", "krumping, gkr", "breaking hip-hop"),
    ("waacking", "popular", "waack, voguing, vogue, gwa", "disco street-jazz house"),
    ("street-jazz", "popular", "street jazz, gjs", "jazz k-pop la-hip-hop"),
    ("urban", "popular", "choreography, commercial", "la-hip-hop hip-hop k-pop"),
    ("disco", "popular", "party, social, funk, line dance", "locking waacking house j-pop"),
    ("salsa", "latin", "latin, bachata, merengue, mambo", "cha-cha samba rumba disco"),
    ("cha-cha", "latin", "cha cha, chacha, cha-cha-cha", "salsa rumba samba"),
    ("rumba", "latin", "tango, bolero", "salsa cha-cha contemporary"),
    ("samba", "latin", "axe, forro", "salsa cha-cha disco"),
    ("modern", "modern", "modern dance", "contemporary ballet jazz"),
    ("contemporary", "modern", "lyrical", "modern ballet"),
    ("jazz", "modern", "broadway, swing, musical theatre, charleston", "ballet-jazz street-jazz disco"),
    ("ballet-jazz", "modern", "ballet jazz, gjb", "jazz ballet modern"),
    ("dai", "folk", "dai dance, peacock", "uyghur miao contemporary modern"),
    ("uyghur", "folk", "uygur, uighur, folk", "dai tibetan salsa modern"),
    ("miao", "folk", "hmong", "dai tibetan modern"),
    ("mongolian", "folk", "mongol", "tibetan uyghur modern"),
    ("tibetan", "folk", "tibet", "mongolian uyghur modern"),
    ("dunhuang", "classic", "flying apsaras", "han-tang contemporary ballet"),
    ("han-tang", "classic", "hantang, chinese classical, classic, classical", "dunhuang shen-yun contemporary ballet"),
    ("shen-yun", "classic", "shenyun, body rhythm, kun", "han-tang dunhuang contemporary ballet"),
)

GENRES: dict[str, Genre] = {
    name: Genre(name, family, tuple(alias.strip() for alias in aliases.split(",")), tuple(nearest.split()))
    for name, family, aliases, nearest in _TABLE
}

NUMBERS: dict[str, int] = {name: number for number, name in enumerate(GENRES)}
"""The row of each genre in a model's genre embedding."""


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


_BY_KEY: dict[str, str] = {_key(alias): genre.name for genre in GENRES.values() for alias in genre.aliases}
_BY_KEY |= {_key(family): next(g.name for g in GENRES.values() if g.family == family) for family in CLASSES} | _BY_KEY
_BY_KEY |= {_key(name): name for name in GENRES}


def canonical(text: str) -> str:
    """The genre that `text` names: a name, a class or an alias, in any case, with or without hyphens.

    Raises UsageError that lists the genres, with the closest spelling if there is one.
    """
    found = _BY_KEY.get(_key(text))
    if found is not None:
        return found
    close = difflib.get_close_matches(_key(text), _BY_KEY, n=1, cutoff=0.75)
    hint = f"; did you mean {_BY_KEY[close[0]]}?" if close else "."
    raise UsageError(f"unknown genre {text!r}{hint} Known genres: {', '.join(GENRES)}")


def normalised(label: str) -> str:
    """The canonical name that a clip's genre label stands for; a label that no rule knows stays as it is."""
    return _BY_KEY.get(_key(label), label)


def nearest_known(genre: str, known: Collection[str]) -> str:
    """The genre in `known` that stands nearest to the canonical name `genre`; itself where it is known.

    Walks the neighbours breadth first, then falls back to the first known genre of the same class, then to any.
    """
    if not known:
        raise UsageError("this model knows no genre; leave out --genre")
    queue, seen = [genre], {genre}
    while queue:
        current = queue.pop(0)
        if current in known:
            return current
        neighbours = GENRES[current].nearest if current in GENRES else ()
        queue += [name for name in neighbours if name not in seen]
        seen.update(neighbours)
    return sorted(known)[0]
