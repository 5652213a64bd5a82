from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.motion.clip import Group, MotionClip, MusicTrack
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import facts_of
from infinitedance_cli.stream.ports import read_clips, read_file, write_clips
from infinitedance_cli.stream.shard_index import HEADER_BYTES, RECORD, ShardIndex
from infinitedance_cli.stream.shard_writer import ShardWriter
from infinitedance_cli.stream.shards import ShardFolder
from tests.conftest import REPOSITORY
from tests.stream.clips import assert_same_clip, full_clip, small_clip


def clips(count: int, first: int = 0) -> list[MotionClip]:
    return [small_clip(f"clip{number}", frames=4 + number, seed=number) for number in range(first, first + count)]


def write(folder: Path, given: list[MotionClip], shard_bytes: int = 1_000_000) -> None:
    with ShardWriter(folder, shard_bytes) as writer:
        for clip in given:
            writer.add(encode(clip), facts_of(clip))


def three_a_shard(given: list[MotionClip]) -> int:
    """A size that three of these clips fit into, and four do not."""
    return 3 * max(len(encode(clip)) for clip in given) + 1


def test_every_clip_comes_back_alone_and_in_order(tmp_path: Path) -> None:
    given = [*clips(7), full_clip("everything")]
    write(tmp_path / "dances", given, three_a_shard(given[:7]))
    folder = ShardFolder(tmp_path / "dances")
    assert len(folder) == 8
    assert sorted(path.name for path in folder.folder.glob("shard-*")) == [f"shard-00000{n}.h5" for n in range(4)]
    for number in (7, 0, 4):
        assert_same_clip(folder.read(number), given[number])
    assert [entry.facts.clip_id for entry in folder.entries()] == [clip.clip_id for clip in given]
    assert [clip.clip_id for clip in folder.clips()] == [clip.clip_id for clip in given]
    assert folder.index.entry(4).sha256 == hashlib.sha256(encode(given[4])).hexdigest()
    assert (folder.index.find("clip5"), folder.index.find("clip55")) == (5, None)
    assert pickle.loads(pickle.dumps(folder)).read(3).clip_id == "clip3"  # noqa: S301


def test_a_shard_is_an_ordinary_file_of_clips(tmp_path: Path) -> None:
    given = clips(5)
    write(tmp_path / "dances", given, three_a_shard(given))
    shards = sorted((tmp_path / "dances").glob("*.h5"))
    assert [[clip.clip_id for clip in read_file(shard)] for shard in shards] == [
        ["clip0", "clip1", "clip2"],
        ["clip3", "clip4"],
    ]


def test_every_command_reads_a_folder_of_shards_as_a_file(tmp_path: Path) -> None:
    write(tmp_path / "dances", clips(3))
    write_clips(clips(1, first=3), str(tmp_path / "one.h5"))
    both = read_clips([str(tmp_path / "dances"), str(tmp_path / "one.h5")])
    assert [clip.clip_id for clip in both] == ["clip0", "clip1", "clip2", "clip3"]
    with pytest.raises(BadInput, match="none of shards"):
        read_clips([str(tmp_path)])


def test_adding_leaves_full_shards_as_they_are(tmp_path: Path) -> None:
    given, folder = clips(9), tmp_path / "dances"
    write(folder, given[:4], three_a_shard(given))
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("*.h5")}
    index = (folder / "clips.index").read_bytes()
    write(folder, given[4:], three_a_shard(given))
    full = folder / "shard-000000.h5"
    assert (full.read_bytes(), full.stat().st_mtime_ns) == before[full.name]
    assert (folder / "shard-000001.h5").read_bytes().startswith(before["shard-000001.h5"][0])
    assert (folder / "clips.index").read_bytes().startswith(index)
    assert [clip.clip_id for clip in ShardFolder(folder).clips()] == [clip.clip_id for clip in given]


def test_the_index_knows_what_a_clip_is_without_opening_it(tmp_path: Path) -> None:
    capture = Group({}, {"video_sha256": "fe" * 32, "license": "CC BY 4.0", "jitter_m_s3": 31.5, "person": 2})
    clip = replace(
        full_clip("dance", frames=45),
        music=MusicTrack(sha256="ab" * 32),
        extra={"capture": capture, "dataset": Group({}, {"performer": "d04", "name": "AIST++", "split": "val"})},
        provenance=({"stage": "capture"}, {"stage": "generate", "licences": ["CC BY-NC 4.0"]}),
    )
    write(tmp_path / "dances", [clip])
    for shard in (tmp_path / "dances").glob("*.h5"):
        shard.unlink()
    facts = ShardFolder(tmp_path / "dances").index.entry(0).facts
    assert (facts.clip_id, facts.frames, facts.fps, facts.duration_s) == ("dance", 45, 30.0, 1.5)
    assert (facts.genre, facts.song, facts.source, facts.performer) == ("Popular", "ab" * 32, "fe" * 32, "d04")
    assert (facts.licence, facts.model_licences, facts.collection) == ("CC BY 4.0", ("CC BY-NC 4.0",), "AIST++")
    assert (facts.stages, facts.split, dict(facts.figures)) == (("capture", "generate"), "val", {"jitter_m_s3": 31.5})


def test_a_song_without_a_hash_is_told_by_its_name() -> None:
    clip = replace(small_clip(), music=MusicTrack(path="songs/mBR0.wav"))
    assert facts_of(clip).song == "mBR0.wav"


def test_a_second_writer_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "dances"
    with ShardWriter(folder) as writer:
        script = "import sys; from pathlib import Path; from infinitedance_cli.stream.shard_writer import ShardWriter\n"
        script += "with ShardWriter(Path(sys.argv[1])): pass"
        other = subprocess.run(
            [sys.executable, "-c", script, str(folder)], cwd=REPOSITORY, capture_output=True, check=False
        )
        assert b"UsageError" in other.stderr and b"another idance is writing there" in other.stderr
        writer.add(encode(small_clip()), facts_of(small_clip()))
    assert len(ShardFolder(folder)) == 1


def test_what_was_committed_survives_a_kill_and_the_rest_is_cut_off(tmp_path: Path) -> None:
    folder = tmp_path / "dances"
    script = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(REPOSITORY)!r})
from tests.stream.test_shards import clips, encode, facts_of, ShardWriter
writer = ShardWriter(Path({str(folder)!r})).__enter__()
for clip in clips(5):
    writer.add(encode(clip), facts_of(clip))
    if clip.clip_id == "clip2":
        writer.commit()
for file in (writer._shard, writer._texts):
    file.flush()
writer._index_file.write(writer._pending[0][:50])  # in the middle of a record
writer._index_file.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [clip.clip_id for clip in ShardFolder(folder).clips()] == ["clip0", "clip1", "clip2"]
    write(folder, clips(2, first=3))
    assert [clip.clip_id for clip in ShardFolder(folder).clips()] == [f"clip{number}" for number in range(5)]
    assert [clip.clip_id for clip in read_file(folder / "shard-000000.h5")] == [f"clip{n}" for n in range(5)]


def test_an_error_on_the_way_commits_what_was_whole(tmp_path: Path) -> None:
    def add_and_fail() -> None:
        with ShardWriter(tmp_path / "dances") as writer:
            writer.add(encode(small_clip("whole")), facts_of(small_clip("whole")))
            raise StageFailed("the next one broke")

    with pytest.raises(StageFailed, match="the next one broke"):
        add_and_fail()
    assert [clip.clip_id for clip in ShardFolder(tmp_path / "dances").clips()] == ["whole"]


def test_a_full_disk_is_one_line_and_nothing_half_written_counts(tmp_path: Path) -> None:
    folder = tmp_path / "dances"
    write(folder, clips(2))
    script = f"""
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {str(REPOSITORY)!r})
from tests.stream.test_shards import small_clip, write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
write(Path({str(folder)!r}), [small_clip(f"more{{n}}", frames=400) for n in range(3)])
"""
    full = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=False)
    assert b"StageFailed" in full.stderr and b"the disk is full" in full.stderr
    assert [clip.clip_id for clip in ShardFolder(folder).clips()] == ["clip0", "clip1"]
    write(folder, [small_clip("more")])
    assert len(list(ShardFolder(folder).clips())) == 3


@pytest.mark.parametrize("damage", ["a byte", "cut", "gone"])
def test_a_damaged_shard_is_named_left_out_and_counted(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    given, folder = clips(6), tmp_path / "dances"
    write(folder, given, three_a_shard(given))
    shard = folder / "shard-000000.h5"
    entry = ShardFolder(folder).index.entry(1)
    if damage == "a byte":
        with open(shard, "r+b") as file:
            file.seek(entry.offset + entry.size // 2)
            byte = file.read(1)[0]
            file.seek(entry.offset + entry.size // 2)
            file.write(bytes([byte ^ 1]))
    elif damage == "cut":
        os.truncate(shard, entry.offset + 10)
    else:
        shard.unlink()
    expected = {"a byte": [0, 2, 3, 4, 5], "cut": [0, 3, 4, 5], "gone": [3, 4, 5]}[damage]
    with caplog.at_level(logging.WARNING):
        found = [clip.clip_id for clip in ShardFolder(folder).clips()]
    assert found == [f"clip{number}" for number in expected]
    lost = 6 - len(expected)
    assert f"{lost} of 6 clips left out: {lost} in shard-000000.h5" in caplog.text
    assert len(caplog.records) == 2
    with pytest.raises(BadInput, match=r"shard-000000\.h5, clip at byte"):
        ShardFolder(folder).read(1)


def test_clips_go_on_in_a_new_shard_where_the_last_was_cut(tmp_path: Path) -> None:
    folder = tmp_path / "dances"
    write(folder, clips(2))
    os.truncate(folder / "shard-000000.h5", 100)
    write(folder, clips(1, first=2))
    assert [clip.clip_id for clip in ShardFolder(folder).clips()] == ["clip2"]


def test_a_changed_index_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "dances"
    write(folder, clips(3))
    lines = (folder / "clips.jsonl").read_text().replace("clip1", "clip9")
    (folder / "clips.jsonl").write_text(lines)
    index = ShardIndex(folder)
    assert [index.is_whole(number) for number in range(3)] == [True, False, True]
    (folder / "clips.jsonl").write_text(lines[:-20])
    with pytest.raises(BadInput, match="it was cut"):
        ShardFolder(folder)
    (folder / "clips.index").write_bytes(b"\0" * 64)
    with pytest.raises(BadInput, match="is no index"):
        ShardFolder(folder)


def test_a_writer_cuts_nothing_off_that_the_index_has_lost(tmp_path: Path) -> None:
    given, folder = clips(9), tmp_path / "dances"
    write(folder, given, 1)
    before = {path.name: path.read_bytes() for path in folder.glob("shard-*")}
    index = (folder / "clips.index").read_bytes()
    for length in (0, HEADER_BYTES, HEADER_BYTES + RECORD.itemsize):
        (folder / "clips.index").write_bytes(index[:length])
        with pytest.raises(BadInput, match="the index is damaged"):
            ShardWriter(folder).__enter__()
        assert {path.name: path.read_bytes() for path in folder.glob("shard-*")} == before


def test_a_long_run_forgets_what_the_index_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infinitedance_cli.stream.shard_writer._REMEMBERED", 2)
    with ShardWriter(tmp_path / "dances") as writer:
        for number, clip in enumerate(clips(7)):
            writer.add(encode(clip), facts_of(clip))
            writer.commit()
            assert all(writer.has_name(f"clip{n}") == (n <= number) for n in range(7))
            assert writer.has_image(hashlib.sha256(encode(clips(1)[0])).digest())
    assert len(ShardFolder(tmp_path / "dances")) == 7


def test_the_index_is_as_described(tmp_path: Path) -> None:
    write(tmp_path / "dances", clips(3))
    content = (tmp_path / "dances" / "clips.index").read_bytes()
    assert len(content) == HEADER_BYTES + 3 * 88 and RECORD.itemsize == 88
    assert content.startswith(b"idance-shards\0")
    records = np.frombuffer(content, RECORD, offset=64)
    assert records["frames"].tolist() == [4, 5, 6]
    assert records["offset"].tolist() == [0, *np.cumsum(records["size"])[:2].tolist()]
    lines = (tmp_path / "dances" / "clips.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"clip_id": f"clip{number}"} for number in range(3)]


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(UsageError, match="holds other files"):
        ShardWriter(tmp_path).__enter__()
    with pytest.raises(UsageError, match="make it first"):
        ShardWriter(tmp_path / "no" / "dances").__enter__()
    with pytest.raises(UsageError, match="is a file"):
        ShardWriter(tmp_path / "holiday.jpg").__enter__()
