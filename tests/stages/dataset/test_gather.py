from __future__ import annotations

import os
from pathlib import Path

import pytest

from infinitedance_cli.errors import UsageError
from infinitedance_cli.stages.dataset.gather import parse_size
from infinitedance_cli.stream.ports import read_clips
from infinitedance_cli.stream.shards import ShardFolder
from tests.stages.conftest import Idance
from tests.stages.dataset.sets import clip, written
from tests.stream.clips import assert_same_clip


def names(path: Path) -> list[str]:
    return [one.clip_id for one in read_clips([str(path)])]


def test_clips_of_files_folders_and_other_formats_come_together(tmp_path: Path, idance: Idance) -> None:
    one = written(tmp_path / "one.h5", clip("a"), clip("b", seed=1))
    two = written(tmp_path / "two.npz", clip("c", seed=2))
    assert idance("dataset", "shard", one, "-o", tmp_path / "first").code == 0
    ended = idance("dataset", "shard", tmp_path / "first", two, "-o", tmp_path / "all", "--size", "1kB")
    assert ended.code == 0 and "added 3 clips" in ended.lines[-1]
    assert names(tmp_path / "all") == ["a", "b", "c"]
    assert len(list((tmp_path / "all").glob("shard-*"))) == 3
    assert_same_clip(ShardFolder(tmp_path / "all").read(0), clip("a"))


def test_a_rerun_goes_on_where_the_last_one_stopped(tmp_path: Path, idance: Idance) -> None:
    written(tmp_path / "one.h5", clip("a"), clip("b", seed=1))
    written(tmp_path / "more.h5", clip("a"), clip("b", seed=1), clip("c", seed=2))
    idance("dataset", "shard", tmp_path / "one.h5", "-o", tmp_path / "all")
    before = (tmp_path / "all" / "clips.index").read_bytes()
    again = idance("dataset", "shard", tmp_path / "one.h5", "-o", tmp_path / "all")
    assert again.code == 0 and "added 0 clips (2 there already)" in again.lines[-1]
    assert (tmp_path / "all" / "clips.index").read_bytes() == before
    more = idance("dataset", "shard", tmp_path / "more.h5", "-o", tmp_path / "all")
    assert more.code == 0 and "added 1 clips (2 there already)" in more.lines[-1]
    assert names(tmp_path / "all") == ["a", "b", "c"]


@pytest.mark.parametrize("output", ["all", "all.h5"])
def test_two_different_clips_of_one_name(tmp_path: Path, idance: Idance, output: str) -> None:
    one = written(tmp_path / "one.h5", clip("a"), clip("b", seed=1))
    two = written(tmp_path / "two.h5", clip("a", seed=5), clip("b", seed=1))
    refused = idance("dataset", "merge", one, two, "-o", tmp_path / f"no-{output}")
    assert refused.code == 2
    assert "two.h5, clip 1" in refused.lines[-1] and "--duplicates rename" in refused.lines[-1]
    ended = idance("dataset", "merge", one, two, "-o", tmp_path / output, "--duplicates", "rename")
    assert ended.code == 0 and "added 3 clips (1 there already, 1 with another name)" in ended.lines[-1]
    first, second, third = names(tmp_path / output)
    assert (first, second) == ("a", "b") and third.startswith("a-") and len(third) == 10
    if output == "all":
        again = idance("dataset", "merge", one, two, "-o", tmp_path / output, "--duplicates", "rename")
        assert again.code == 0 and "added 0 clips" in again.lines[-1]


def test_a_refused_merge_leaves_no_file(tmp_path: Path, idance: Idance) -> None:
    one = written(tmp_path / "one.h5", clip("a"))
    two = written(tmp_path / "two.h5", clip("a", seed=5))
    idance("dataset", "merge", one, two, "-o", tmp_path / "all.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.h5", "two.h5"]
    assert idance("dataset", "merge", one, "-o", two).code == 2, "an existing file is not replaced unasked"


def test_a_damaged_shard_costs_its_clips_only(tmp_path: Path, idance: Idance) -> None:
    source = written(tmp_path / "one.h5", *(clip(f"c{n}", seed=n) for n in range(4)))
    idance("dataset", "shard", source, "-o", tmp_path / "all", "--size", "1kB")
    os.truncate(tmp_path / "all" / "shard-000001.h5", 100)
    ended = idance("convert", tmp_path / "all", "-o", tmp_path / "rest.h5")
    assert ended.code == 0
    assert any("1 of 4 clips left out: 1 in shard-000001.h5" in line for line in ended.lines)
    assert names(tmp_path / "rest.h5") == ["c0", "c2", "c3"]
    merged = idance("dataset", "merge", tmp_path / "all", "-o", tmp_path / "merged")
    assert merged.code == 5 and "1 clips could not be read and were left out" in merged.lines[-1]
    assert "shard-000001.h5" in merged.lines[-1] and names(tmp_path / "merged") == ["c0", "c2", "c3"]


def test_bad_words_are_told(tmp_path: Path, idance: Idance) -> None:
    source = written(tmp_path / "one.h5", clip("a"))
    ended = idance("dataset", "shard", source, "-o", tmp_path / "all", "--duplicates", "keep")
    assert ended.code == 2 and "known: refuse, rename" in ended.lines[-1]
    assert idance("dataset", "shard", source, "-o", tmp_path / "all", "--size", "big").code == 2
    assert idance("dataset", "shard", tmp_path / "none.h5", "-o", tmp_path / "all").code == 3


def test_sizes_are_read() -> None:
    found = [parse_size(text) for text in ("1GB", "500 MB", "1.5k", "2GiB", "64")]
    assert found == [10**9, 5 * 10**8, 1500, 2 * 1024**3, 64]
    for text in ("", "GB", "-1GB", "0", "1PB", "1e3"):
        with pytest.raises(UsageError, match="is no size"):
            parse_size(text)
