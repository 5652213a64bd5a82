"""The commands beside each other: the same bytes as one after the other, many songs, and inputs at URLs."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import pytest

from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import facts_of
from infinitedance_cli.stream.ports import read_clips
from infinitedance_cli.stream.shard_writer import ShardWriter
from infinitedance_cli.stream.shards import ShardFolder
from tests.engine.stages import write_shards
from tests.models.tiny_bundle import danced_clip
from tests.motion.samples import standing_clip
from tests.stages.capture.conftest import MakeVideo, SquareBackend, make_video
from tests.stages.conftest import Ended, Idance, idance, tiny_bundle
from tests.stages.generate.songs import song

__all__ = ["idance", "make_video", "tiny_bundle"]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Four dances, one of which has a single frame, too few for tokens."""
    with ShardWriter(tmp_path / "in") as writer:
        for number, frames in enumerate((40, 41, 1, 24)):
            clip = danced_clip(frames, number, joints=55) if frames > 1 else standing_clip(1, 55)
            writer.add(encode(clip), facts_of(clip))
    return tmp_path / "in"


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    (folder / "more").mkdir(parents=True)
    song(folder / "a.wav", 2.0)
    song(folder / "more" / "b.wav", 1.5, bpm=150)
    (folder / "c.mp3").write_text("la la la " * 100)
    return folder


def test_tokens_are_the_same_wherever_they_are_made(
    tmp_path: Path, shards: Path, tiny_bundle: Path, idance: Idance
) -> None:
    given = ("tokenize", shards, "--tokenizer", tiny_bundle)
    for jobs in ("1", "2"):
        result = idance(*given, "-o", tmp_path / f"{jobs}.h5", "--jobs", jobs)
        assert result.code == 5
        assert "1 of 4 clips failed and were left out: clip standing: it has one frame" in result.lines[-1]
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()
    assert idance(*given, "-o", f"{tmp_path}/out/", "--jobs", "2").code == 5
    assert (tmp_path / "out" / "shard-000000.h5").read_bytes() == (tmp_path / "1.h5").read_bytes()
    again = idance(*given, "-o", tmp_path / "out", "--jobs", "2")
    assert again.code == 5 and "added 0 clips, 3 there already" in again.lines[0]
    assert idance(*given, "-o", tmp_path / "out", "--force").code == 2


def test_figures_are_the_same_wherever_they_are_measured(tmp_path: Path, shards: Path, idance: Idance) -> None:
    given = ("evaluate", shards, "--json", "--set", "bootstrap=20")
    alone, beside = (idance(*given, "--jobs", jobs) for jobs in ("1", "2"))
    assert alone.code == beside.code == 0 and alone.output == beside.output
    assert [clip["clip"] for clip in json.loads(alone.output)["clips"]][2] == "standing"
    passed = [
        idance("evaluate", shards, "--filter", "jitter<1000", "-o", tmp_path / f"{jobs}.h5", "--jobs", jobs)
        for jobs in ("1", "2")
    ]
    assert [one.code for one in passed] == [0, 0], passed
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_many_songs_into_a_folder_that_a_rerun_completes(
    tmp_path: Path, songs: Path, tiny_bundle: Path, idance: Idance
) -> None:
    given = ("generate", songs, "--model", tiny_bundle, "--takes", "2")
    result = idance(*given, "-o", f"{tmp_path}/dances/", "--jobs", "2")
    assert result.code == 5 and "1 of 3 songs failed" in result.lines[-1] and "c.mp3: not a sound" in result.lines[-1]
    dances = tmp_path / "dances"
    assert sorted(path.name for path in dances.glob("*.h5")) == ["a.h5", "b.h5"]
    assert [clip.clip_id for clip in read_clips([str(dances / "b.h5")])] == ["b-0", "b-1"]
    alone = idance(
        "generate", songs / "more" / "b.wav", "--model", tiny_bundle, "--takes", "2", "-o", tmp_path / "b.h5"
    )
    assert alone.code == 0 and (dances / "b.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    (songs / "c.mp3").unlink()
    (dances / "a.h5").unlink()
    before = (dances / "b.h5").stat().st_mtime_ns
    (tmp_path / "list.txt").write_text("songs/a.wav\nsongs/more/b.wav\n")
    again = idance("generate", tmp_path / "list.txt", *given[2:], "-o", dances)
    assert again.code == 0 and "b.wav: done already" in " ".join(again.lines)
    assert (dances / "a.h5").is_file() and (dances / "b.h5").stat().st_mtime_ns == before
    other = idance("generate", songs, *given[2:], "--seed", "3", "-o", dances)
    assert other.code == 2 and "was made with other settings" in other.lines[-1]


def create(config: object) -> SquareBackend:
    """This module is a capture plug-in, too: workers find it as users' plug-ins are found."""
    return SquareBackend()


def test_videos_beside_each_other_and_some_that_fail(
    tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, idance: Idance
) -> None:
    plugin = tmp_path / "site" / "idance_square-1.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Name: idance-square\nVersion: 1\n")
    (plugin / "entry_points.txt").write_text("[idance.capture]\nsquare = tests.engine.test_commands\n")
    monkeypatch.syspath_prepend(str(plugin.parent))
    for number in range(3):
        make_video(f"in/{number}.mp4", phase=float(number))
    make_video("in/nobody.mp4", absent=True)
    given = ("capture", tmp_path / "in", "--backend", "square", "--set", "beats=false")
    alone, beside = (idance(*given, "-o", f"{tmp_path}/{jobs}/", "--jobs", jobs) for jobs in ("1", "2"))
    assert alone.code == beside.code == 5 and alone.lines[-1] == beside.lines[-1]
    assert "1 of 4 videos" in beside.lines[-1] and "nobody.mp4: no person was found" in beside.lines[-1]
    for number in range(3):
        assert (tmp_path / "1" / f"{number}.h5").read_bytes() == (tmp_path / "2" / f"{number}.h5").read_bytes()
    again = idance(*given, "-o", tmp_path / "2", "--jobs", "2")
    assert again.code == 5 and sum("done already" in line for line in again.lines) == 3


def test_songs_at_urls_keep_their_names(tmp_path: Path, songs: Path, tiny_bundle: Path, idance: Idance) -> None:
    (songs / "c.mp3").unlink()
    result = idance("generate", f"file://{songs}", "--model", tiny_bundle, "-o", tmp_path / "all.h5")
    assert result.code == 0, result.lines
    clips = list(read_clips([str(tmp_path / "all.h5")]))
    assert [clip.clip_id for clip in clips] == ["a-0", "b-0"]
    assert [clip.music.path for clip in clips if clip.music] == [f"file://{songs}/a.wav", f"file://{songs}/more/b.wav"]


def test_clips_at_urls(tmp_path: Path, shards: Path, tiny_bundle: Path, idance: Idance) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(shards), "/set", recursive=True)
    memory.pipe("/one.h5", encode(danced_clip(20, 5)))
    try:
        read = [clip.clip_id for clip in read_clips(["memory://set", "memory://one.h5"])]
        assert read == [*(entry.facts.clip_id for entry in ShardFolder(shards).entries()), "wandering-5"]
        options = ("--tokenizer", tiny_bundle, "-o")
        one = idance("tokenize", "memory://one.h5", *options, tmp_path / "one.h5")
        assert one.code == 0, one.lines
        here = idance("tokenize", shards, *options, tmp_path / "here.h5")
        there = idance("tokenize", f"file://{shards}", *options, tmp_path / "there.h5", "--jobs", "2")
        assert here.code == there.code == 5
        assert (tmp_path / "here.h5").read_bytes() == (tmp_path / "there.h5").read_bytes()
    finally:
        memory.rm("/set", recursive=True)
        memory.rm("/one.h5")


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("memory://none.h5", 3, "memory://none.h5: no such file, and no folder of shards; check the URL"),
        ("memory://none.xyz", 2, "no motion format reads"),
        ("memory://none", 3, "memory://none: no such file, and no folder of shards; check the URL"),
        ("nosuch://none.h5", 3, "nosuch://none.h5"),
    ],
)
def test_urls_that_cannot_be_read(tmp_path: Path, idance: Idance, name: str, code: int, message: str) -> None:
    result: Ended = idance("tokenize", name, "-o", tmp_path / "out.h5")
    assert (result.code, len(result.lines)) == (code, 1) and message in result.lines[0], result.lines


@pytest.mark.parametrize("output", ["s3://bucket/out.h5", "s3://bucket/out/"])
@pytest.mark.parametrize("command", ["capture", "generate", "imitate", "restore-feet", "tokenize"])
def test_outputs_at_urls_are_refused(tmp_path: Path, idance: Idance, command: str, output: str) -> None:
    source = tmp_path / "in.h5"
    source.write_bytes(b"")
    result: Ended = idance(command, source, "-o", output)
    assert (result.code, len(result.lines)) == (2, 1), result.lines
    assert f"{output}: outputs are written to this machine; name a path here" in result.lines[0]


def test_ray_where_it_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idance: Idance) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    write_shards(tmp_path / "in", 2)
    for command in (("tokenize", "--engine"), ("restore-feet", "--run-on"), ("imitate", "--engine")):
        result = idance(command[0], tmp_path / "in", command[1], "ray", "-o", tmp_path / "out.h5")
        assert result.code == 4, result.lines
        assert (
            "--run-on ray needs ray, which is not installed; run: pip install 'infinitedance-cli[cluster]'"
            in (result.lines[-1])
        )
    assert not (tmp_path / "out.h5").exists()
