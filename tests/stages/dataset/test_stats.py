from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import Group
from infinitedance_cli.stages.dataset.picture import colour_of
from infinitedance_cli.stages.dataset.stats import genre_of, statistics_of, to_table
from infinitedance_cli.stream.facts import ClipFacts
from tests.stages.conftest import Idance
from tests.stages.dataset.sets import clip, written

SET = [
    ClipFacts("a", 300, 30.0, "gBR", "s1", "v1", "d1", "AIST++", "CC BY 4.0", figures={"jitter_m_s3": 10.0}),
    ClipFacts("b", 600, 30.0, "breaking", "s1", "v2", "d2", "AIST++", "CC BY 4.0", figures={"jitter_m_s3": 30.0}),
    ClipFacts("c", 1800, 60.0, "Latin", "s2", "v2", "d2", stages=("capture",), figures={"falls": 1.0}),
    ClipFacts("d", 300, 30.0),
]


def test_figures_are_as_counted_by_hand() -> None:
    found = statistics_of(SET)
    assert found.clips == 4
    assert found.hours == pytest.approx(70 / 3600)
    assert {name: (share.clips, share.seconds) for name, share in found.genres.items()} == {
        "breaking": (2, 30.0),
        "latin": (1, 30.0),
        "unknown": (1, 10.0),
    }
    assert (found.songs, found.sources, found.performers) == (2, 2, 2)
    assert found.licences["CC BY 4.0"].clips == 2 and found.licences["unknown"].seconds == 40.0
    assert found.quantiles == {
        "shortest": 10.0,
        "lower quartile": 10.0,
        "median": 15.0,
        "upper quartile": 22.5,
        "longest": 30.0,
        "mean": 17.5,
    }
    jitter = found.figures["jitter_m_s3"]
    assert (jitter.clips, jitter.mean, jitter.median, jitter.low, jitter.high) == (2, 20.0, 20.0, 11.0, 29.0)


def test_a_class_of_the_release_is_no_single_genre() -> None:
    assert [genre_of(label) for label in ("Latin", "Popular", "gLO", "K-Pop", "tap", "")] == [
        "latin",
        "popular",
        "locking",
        "k-pop",
        "tap",
        "unknown",
    ]


def test_the_table_is_for_people() -> None:
    lines = to_table(statistics_of(SET)).splitlines()
    assert lines[0] == "4 clips, 1.2 min, 3 genres, 2 songs, 2 performers"
    assert "breaking      2  0.008  42.9 %" in lines
    assert "falls            1     1       1    1     1" in lines


def test_no_clips_are_told() -> None:
    with pytest.raises(BadInput, match="no clips"):
        statistics_of([])


def test_the_command_reads_clips_and_shards_alike(tmp_path: Path, idance: Idance) -> None:
    physical = replace(clip("b", frames=12, genre="gKR", seed=1), extra={"physics": Group({}, {"falls": 2})})
    source = written(tmp_path / "one.h5", clip("a", song="ab" * 32, performer="d1", licence="CC0"), physical)
    idance("dataset", "shard", source, "-o", tmp_path / "all")
    of_file = idance("dataset", "stats", source, "--json")
    of_folder = idance("dataset", "stats", tmp_path / "all", "--json")
    assert of_file.code == of_folder.code == 0
    assert of_file.output == of_folder.output
    told = json.loads(of_file.output)
    assert (told["schema"], told["clips"], told["songs"], told["performers"]) == (1, 2, 1, 1)
    assert told["genres"] == {"krump": {"clips": 1, "hours": 0.000111}, "salsa": {"clips": 1, "hours": 0.000056}}
    assert told["figures"] == {"falls": {"clips": 1, "mean": 2.0, "median": 2.0, "p5": 2.0, "p95": 2.0}}


def test_the_picture_has_bars_as_long_as_the_genres(tmp_path: Path, idance: Idance) -> None:
    source = written(tmp_path / "one.h5", clip("a", frames=40, genre="salsa"), clip("b", frames=20, genre="ballet"))
    picture = tmp_path / "set.png"
    assert idance("dataset", "stats", source, "--picture", picture).code == 0
    pixels = np.asarray(Image.open(picture))
    wide = {
        name: int((pixels == np.array(colour_of(name), np.uint8)).all(axis=2).sum(axis=1).max())
        for name in ("salsa", "ballet")
    }
    assert wide["salsa"] > 700
    assert wide["salsa"] == pytest.approx(2 * wide["ballet"], abs=2)
    again = idance("dataset", "stats", source, "--picture", picture)
    assert again.code == 2 and "--force" in again.lines[-1]
