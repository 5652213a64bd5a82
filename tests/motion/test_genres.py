from __future__ import annotations

import pytest

from infinitedance_cli.errors import UsageError
from infinitedance_cli.motion.genres import CLASSES, GENRES, NUMBERS, canonical, nearest_known, normalised


def test_thirty_genres_in_six_classes() -> None:
    assert len(GENRES) == 30 and {genre.family for genre in GENRES.values()} == set(CLASSES)
    assert [NUMBERS[name] for name in GENRES] == list(range(30))


def test_neighbours_exist_and_lead_everywhere() -> None:
    for name, genre in GENRES.items():
        assert set(genre.nearest) <= set(GENRES) - {name}


def test_every_name_and_alias_means_its_genre() -> None:
    for name, genre in GENRES.items():
        assert canonical(name) == canonical(name.upper().replace("-", " ")) == name
        for alias in genre.aliases:
            assert canonical(alias) == name, alias


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hip Hop", "hip-hop"),
        ("kpop", "k-pop"),
        ("break dance", "breaking"),
        ("gLH", "la-hip-hop"),
        ("LATIN", "salsa"),
        ("ballet", "ballet"),
        ("modern", "modern"),
    ],
)
def test_usual_spellings(text: str, name: str) -> None:
    assert canonical(text) == name


@pytest.mark.parametrize(("text", "hint"), [("hiphopp", "did you mean hip-hop?"), ("zzz", "Known genres: ballet, ")])
def test_an_unknown_genre_lists_the_known_ones(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        canonical(text)
    assert hint in str(error.value) and "shen-yun" in str(error.value) and "\n" not in str(error.value)


def test_labels_that_no_rule_knows_stay() -> None:
    assert [normalised(label) for label in ("Hip Hop", "other", "", "gBR")] == ["hip-hop", "other", "", "breaking"]


def test_nearest_walks_the_neighbours() -> None:
    known = {"salsa", "breaking", "modern"}
    assert nearest_known("salsa", known) == "salsa"
    assert nearest_known("krump", known) == "breaking"  # its first neighbour
    assert nearest_known("waacking", {"breaking", "popping"}) in {"popping", "breaking"}
    assert nearest_known("cha-cha", {"disco", "modern"}) == "disco"  # through salsa's neighbours
    for genre in GENRES:
        assert nearest_known(genre, known) in known
    with pytest.raises(UsageError, match="knows no genre"):
        nearest_known("salsa", set())
