"""The model that ships: it is whole, small enough, credited, and keeps held-out dances out."""

from __future__ import annotations

from pathlib import Path

import pytest

import infinitedance_cli
from infinitedance_cli.models.bundle import FILES, STARTER, Bundle, starter_folder
from infinitedance_cli.motion.genres import GENRES
from infinitedance_cli.starter.retrain import HELD_OUT_SONGS
from infinitedance_cli.starter.sources import CREDITS, OTHER, Credit, describe
from tests.conftest import REPOSITORY

MOST_BYTES = 60_000_000


def model_card() -> str:
    """The card beside the installed starter, or the repository's, which the wheel takes it from."""
    shipped = Path(infinitedance_cli.__file__).parent / "starter" / "MODEL_CARD.md"
    return (shipped if shipped.exists() else REPOSITORY / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_parts_belong_together() -> None:
    Bundle.named(STARTER).require_match()


def test_all_of_it_is_small() -> None:
    sizes = {path.name: path.stat().st_size for path in starter_folder().iterdir()}
    assert set(FILES.values()) <= set(sizes)
    assert sum(sizes.values()) <= MOST_BYTES


def test_it_knows_the_genres_of_its_index() -> None:
    bundle = Bundle.named(STARTER)
    assert set(bundle.index.genres) <= set(bundle.genres) <= set(GENRES)


def test_no_held_out_dance_is_a_reference() -> None:
    clips = Bundle.named(STARTER).index.clips
    recordings = [describe(clip.provenance["source"], clip.clip_id) for clip in clips]
    assert {recording.source for recording in recordings} == set(CREDITS)
    assert not any(recording.held_out or recording.genre == OTHER for recording in recordings)


def test_dances_name_every_licence_and_credit() -> None:
    lines = Bundle.named(STARTER).licences
    for folder, credit in CREDITS.items():
        assert f"{folder}: {credit.licence} ({credit.credit})" in lines


@pytest.mark.parametrize("credit", CREDITS.values(), ids=list(CREDITS))
def test_the_card_names_every_licence_and_credit(credit: Credit) -> None:
    (row,) = (line for line in model_card().splitlines() if line.startswith("|") and credit.credit in line)
    assert credit.licence in row


@pytest.mark.parametrize("song", HELD_OUT_SONGS)
def test_the_card_names_the_songs_kept_for_measuring(song: str) -> None:
    name = "Let's Go Fishin'" if "Fishin" in song else song
    assert name in model_card().partition("Never matched with a dance")[2]


def test_the_card_says_what_must_be_said() -> None:
    card = " ".join(model_card().split())
    assert "No music was recorded with these dances" in card
    assert "no AIST++ result may be reported" in card
