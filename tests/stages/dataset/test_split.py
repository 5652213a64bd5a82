from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.stages.dataset.split import PARTS, parse_shares, parse_ties, split
from infinitedance_cli.stream.facts import ClipFacts
from infinitedance_cli.stream.ports import read_clips
from tests.stages.conftest import Idance
from tests.stages.dataset.sets import clip, listing, written

SHARES = (0.85, 0.05, 0.10)


def parts_by(clips: list[ClipFacts], tie: str, **options: object) -> dict[str, set[str]]:
    """The parts in which each song (or source, or performer) is found."""
    found = split(clips, SHARES, **options)  # type: ignore[arg-type]
    part_of = {name: part for part in PARTS for name in found.of(part)}
    assert len(part_of) == len(clips)
    where: dict[str, set[str]] = {}
    for facts in clips:
        where.setdefault(getattr(facts, tie), set()).add(part_of[facts.clip_id])
    return where


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_song_and_no_performer_is_in_two_parts(seed: int) -> None:
    clips = listing(3000)
    for tie in ("song", "performer"):
        assert all(len(parts) == 1 for parts in parts_by(clips, tie, seed=seed).values())


def test_every_genre_has_its_shares() -> None:
    found = split(listing(3000), SHARES)
    assert found.groups == 100
    np.testing.assert_allclose(found.shares, np.array(SHARES)[:, None].repeat(5, 1), atol=0.03)
    np.testing.assert_allclose(found.overall, SHARES, atol=0.015)


def test_shares_are_of_length_and_small_cases_come_out_as_by_hand() -> None:
    seconds = [85, 5, 10]
    clips = [ClipFacts(f"c{n}", s * 30, 30.0, genre="salsa") for n, s in enumerate(seconds)]
    found = split(clips, SHARES)
    assert [found.of(part) for part in PARTS] == [["c0"], ["c1"], ["c2"]]
    assert found.overall.tolist() == [0.85, 0.05, 0.10]


def test_ties_join_over_other_clips() -> None:
    # a and b have a song in common, b and c a source, c and d a performer: all four are one group; e is free.
    clips = [
        ClipFacts("a", 30, 30.0, song="s"),
        ClipFacts("b", 30, 30.0, song="s", source="v"),
        ClipFacts("c", 30, 30.0, source="v", performer="p"),
        ClipFacts("d", 30, 30.0, performer="p"),
        ClipFacts("e", 30, 30.0),
        ClipFacts("f", 30, 30.0, song="v"),  # the word of another clip's source is no song in common
    ]
    assert split(clips, SHARES).groups == 3
    assert split(clips, SHARES, ties=("song",)).groups == 5
    assert split(clips, SHARES, ties=()).groups == 6


def test_the_seed_decides_and_the_order_does_not() -> None:
    clips = listing(600)
    first = split(clips, SHARES, seed=3)
    assert split(clips[::-1], SHARES, seed=3).of("test") == first.of("test")
    assert split(clips, SHARES, seed=4).of("test") != first.of("test")


def test_one_performer_of_everything_is_told(caplog: pytest.LogCaptureFixture) -> None:
    clips = [replace(facts, performer="the only one") for facts in listing(50)]
    found = split(clips, SHARES)
    assert (found.groups, len(found.of("train"))) == (1, 50)
    assert "15 points off the shares asked for" in caplog.text


def test_two_clips_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="two clips are called 'clip00000'"):
        split([*listing(3), *listing(1)], SHARES)
    with pytest.raises(BadInput, match="no clips"):
        split([], SHARES)


def test_shares_and_ties_are_read() -> None:
    assert parse_shares("8/1/1") == (0.8, 0.1, 0.1)
    assert parse_shares("1/0/0") == (1.0, 0.0, 0.0)
    assert parse_ties("song, performer") == ("song", "performer")
    for text in ("85/15", "a/b/c", "0/1/1", "85/-5/20", "nan/1/1"):
        with pytest.raises(UsageError, match="are no shares"):
            parse_shares(text)
    with pytest.raises(UsageError, match="known: song, source, performer"):
        parse_ties("hat")


def test_a_part_of_no_share_stays_empty() -> None:
    assert split(listing(200), parse_shares("90/0/10")).of("val") == []


def test_lists_and_clips_are_written(tmp_path: Path, idance: Idance) -> None:
    clips = [clip(f"c{n}", genre=("salsa", "k-pop")[n % 2], song=f"song{n // 2}", seed=n) for n in range(12)]
    source = written(tmp_path / "all.h5", *clips)
    ended = idance("dataset", "split", source, "-o", tmp_path / "parts", "--clips", "--json")
    assert ended.code == 0, ended.lines
    told = json.loads(ended.output)
    lists = {part: (tmp_path / "parts" / f"{part}.txt").read_text().split() for part in PARTS}
    assert told["clips"] == {part: len(names) for part, names in lists.items()}
    assert sorted(sum(lists.values(), [])) == sorted(one.clip_id for one in clips)
    for part, names in lists.items():
        if names:
            found = list(read_clips([str(tmp_path / "parts" / part)]))
            assert sorted(one.clip_id for one in found) == sorted(names)
            assert {one.extra["dataset"].attributes["split"] for one in found} == {part}
    again = idance("dataset", "split", source, "-o", tmp_path / "parts")
    assert again.code == 2 and "give --force" in again.lines[-1]
    forced = idance("dataset", "split", source, "-o", tmp_path / "parts", "--clips", "--force")
    assert forced.code == 0 and "added 0 clips" in forced.lines[-1]


def test_parts_of_another_split_are_not_mixed_in(tmp_path: Path, idance: Idance) -> None:
    source = written(tmp_path / "all.h5", *(clip(f"c{n}", song=f"s{n}", seed=n) for n in range(12)))
    idance("dataset", "split", source, "-o", tmp_path / "parts", "--clips")
    other = idance("dataset", "split", source, "-o", tmp_path / "parts", "--clips", "--force", "--seed", "7")
    assert other.code == 2 and "is not of this part" in other.lines[-1]


def test_standard_input_cannot_be_read_twice(tmp_path: Path, idance: Idance) -> None:
    ended = idance("dataset", "split", "-", "-o", tmp_path / "parts", "--clips")
    assert ended.code == 2 and "name files or folders" in ended.lines[-1]
