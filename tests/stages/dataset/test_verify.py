from __future__ import annotations

import json
from pathlib import Path

from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.shards import ShardFolder
from tests.stages.conftest import Idance
from tests.stages.dataset.sets import clip, written


def spoil(path: Path, offset: int) -> None:
    """Change one byte."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 255
    path.write_bytes(content)


def test_a_whole_set_is_said_to_be_whole(tmp_path: Path, idance: Idance) -> None:
    source = written(tmp_path / "one.h5", clip("a"), clip("b"))
    idance("dataset", "shard", source, "-o", tmp_path / "all")
    ended = idance("dataset", "verify", tmp_path / "all", source)
    assert (ended.code, ended.output) == (0, "4 of 4 clips are whole\n")


def test_damaged_clips_are_named_with_exit_code_5(tmp_path: Path, idance: Idance) -> None:
    source = written(tmp_path / "one.h5", *(clip(f"c{n}", seed=n) for n in range(5)))
    idance("dataset", "shard", source, "-o", tmp_path / "all")
    entry = ShardFolder(tmp_path / "all").index.entry(3)
    spoil(tmp_path / "all" / "shard-000000.h5", entry.offset + entry.size - 5)
    ended = idance("dataset", "verify", tmp_path / "all", "--json")
    assert ended.code == 5
    assert ended.lines[-1].endswith("1 of 5 clips are damaged: c3; capture or import them again")
    told = json.loads(ended.output)
    assert [one["clip"] for one in told["damaged"]] == ["c3"]
    assert f"shard-000000.h5, clip at byte {entry.offset}" in told["damaged"][0]["where"]


def test_an_index_that_says_something_else_is_found(tmp_path: Path, idance: Idance) -> None:
    source = written(tmp_path / "one.h5", clip("a"), clip("b", seed=1))
    idance("dataset", "shard", source, "-o", tmp_path / "all")
    lines = tmp_path / "all" / "clips.jsonl"
    lines.write_text(lines.read_text().replace("salsa", "tango", 1))
    ended = idance("dataset", "verify", tmp_path / "all")
    assert ended.code == 5 and "the index says something else" in ended.output


def test_a_file_is_checked_clip_by_clip(tmp_path: Path, idance: Idance) -> None:
    path = written(tmp_path / "one.h5", clip("a"), clip("b", seed=1), clip("c", seed=2))
    first = len(encode(clip("a")))
    content = path.read_bytes()
    broken = content.replace(b"idance-motion", b"idance-motiom")
    path.write_bytes(content[:first] + broken[first : first + 3000] + content[first + 3000 :])
    ended = idance("dataset", "verify", path)
    assert ended.code == 5 and "one.h5, clip 2" in ended.output and "2 of 3 clips are whole" in ended.output
    path.write_bytes(content[:-10])
    cut = idance("dataset", "verify", path)
    assert cut.code == 5 and "truncated" in cut.output and "2 of 3 clips are whole" in cut.output
