"""`idance evaluate` as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinitedance_cli.stream.ports import read_clips, write_clips
from tests.conftest import RunIdance
from tests.motion.samples import standing_clip, wandering_clip
from tests.stages.conftest import Idance
from tests.stages.evaluate import peers


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two wild dances and a still one."""
    path = tmp_path / "clips.h5"
    write_clips([wandering_clip(60, 0), standing_clip(60), wandering_clip(60, 1)], str(path))
    return path


def test_a_table_by_default(idance: Idance, clips: Path) -> None:
    result = idance("evaluate", clips)
    lines = result.output.splitlines()
    assert (result.code, result.lines) == (0, [])
    assert lines[0].startswith("protocol   idance") and lines[-2].startswith("standing")


def test_json_from_a_pipe_and_from_a_file_is_the_same_document(run_idance: RunIdance, clips: Path) -> None:
    arguments = ("--json", "--protocol", "lodge", "--set", "bootstrap=20")
    named = run_idance("evaluate", clips, *arguments)
    with open(clips, "rb") as stream:
        piped = run_idance("evaluate", *arguments, stdin=stream, env={"OMP_NUM_THREADS": "1"})
    assert named.returncode == piped.returncode == 0
    assert named.stdout == piped.stdout
    assert json.loads(named.stdout)["clip_count"] == 3


def test_fail_if_prints_the_report_names_the_clip_and_exits_6(run_idance: RunIdance, clips: Path) -> None:
    junit = clips.with_name("report.xml")
    result = run_idance(
        "evaluate", clips, "--json", "--fail-if", "jitter>0.5", "--fail-if", "speed>99", "--junit", junit
    )
    assert result.returncode == 6 and json.loads(result.stdout)["conditions"][0]["crossed"]
    assert result.stderr.decode().count("\n") == 1
    assert "wandering-0: jitter is" in result.stderr.decode() and "(and 1 more)" in result.stderr.decode()
    assert junit.read_bytes().count(b"<failure") == 2


def test_a_filter_passes_good_clips_down_the_pipe(
    run_idance: RunIdance, idance: Idance, clips: Path, tmp_path: Path
) -> None:
    piped = run_idance("evaluate", clips, "--filter", "jitter<0.5")
    assert piped.returncode == 0 and b"1 of 3 clips passed" in piped.stderr
    (tmp_path / "kept.h5").write_bytes(piped.stdout)
    assert [clip.clip_id for clip in read_clips([str(tmp_path / "kept.h5")])] == ["standing"]
    written = idance("evaluate", clips, "--filter", "jitter>0.5", "-o", tmp_path / "wild.h5", "--json")
    assert json.loads(written.output)["clip_count"] == 3
    assert len(list(read_clips([str(tmp_path / "wild.h5")]))) == 2
    nothing = idance("evaluate", clips, "--filter", "speed>99", "-o", tmp_path / "none.h5")
    assert nothing.code == 5 and not list(tmp_path.glob("*none*"))


def test_every_method_by_one_command(idance: Idance, tmp_path: Path) -> None:
    dances, music = tmp_path / "dances", tmp_path / "music"
    dances.mkdir()
    music.mkdir()
    peers.write_edge(dances / "test_a.pkl")
    peers.write_lodge(dances / "b.npy", 139)
    peers.write_bailando(dances / "gBR_mBR0_ch01.json.pkl.npy")
    for name in ("a", "b", "mBR0"):
        (music / f"{name}.txt").write_text("0.2\n0.7\n1.2\n")
    result = idance("evaluate", dances, "--music", music, "--protocol", "bailando", "--json")
    found = json.loads(result.output)
    assert result.code == 0 and [row["clip"] for row in found["clips"]] == ["b", "gBR_mBR0_ch01", "test_a"]
    assert all(row["figures"]["bas"] is not None for row in found["clips"])
    # LODGE's file has no hands, so nobody's count.
    assert found["feature_columns"]["kinetic"] == 66


def test_statistics_of_one_s_own(idance: Idance, tmp_path: Path) -> None:
    real, own = tmp_path / "real.h5", tmp_path / "own.npz"
    write_clips([wandering_clip(160, seed) for seed in range(3)], str(real))
    made = idance("evaluate", real, "--make-stats", own)
    assert (made.code, made.output) == (0, "") and "3 dances, sha256" in made.lines[0]
    again = idance("evaluate", real, "--make-stats", own)
    assert again.code == 2 and "--force" in again.lines[0]
    by_file = json.loads(idance("evaluate", real, "--reference", own, "--json").output)
    by_dances = json.loads(idance("evaluate", real, "--reference", real, "--json").output)
    assert by_file["reference"]["name"] == "own" and by_dances["reference"]["name"] == "real.h5"
    assert by_file["figures"]["fid_k"] == by_dances["figures"]["fid_k"]
    assert by_file["figures"]["fid_k"]["value"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.h5"], 3, "no such file"),
        (["text.h5"], 3, "text.h5"),
        (["text.npy"], 3, "text.npy"),
        (["clips.h5", "--protocol", "fid"], 2, "protocol"),
        (["clips.h5", "--fail-if", "jitter=3"], 2, "expected a figure"),
        (["clips.h5", "--filter", "fid_k<3"], 2, "whole set"),
        (["clips.h5", "-o", "x.h5"], 2, "--filter"),
        (["clips.h5", "--filter", "jitter<3", "--json"], 2, "give the clips -o FILE"),
        (["clips.h5", "--filter", "jitter<3", "-o", "there.h5"], 2, "exists already"),
        (["clips.h5", "--junit", "there.h5"], 2, "exists already"),
        (["clips.h5", "--reference", "none.npz"], 3, "no such reference"),
        (["clips.h5", "--reference", "text.npz"], 3, "text.npz"),
        (["clips.h5", "--music", "none.wav"], 3, "no such file"),
        (["clips.h5", "--rest-joints", "text.npy"], 3, "rest joint"),
        (["clips.h5", "--make-stats", "x.csv"], 2, ".npz"),
        (["clips.h5", "--make-stats", "none/x.npz"], 2, "no folder none"),
        (["clips.h5", "--set", "bootstrap=-1"], 2, "bootstrap"),
    ],
)
def test_one_line_for_each_mistake(
    idance: Idance, clips: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(clips.parent)
    for name in ("text.h5", "text.npy", "text.npz", "there.h5"):
        clips.with_name(name).write_text("la la la")
    before = sorted(path.name for path in clips.parent.iterdir())
    result = idance("evaluate", *arguments)
    assert (result.code, result.output) == (code, ""), result.lines
    assert len(result.lines) == 1 and message in result.lines[0]
    assert sorted(path.name for path in clips.parent.iterdir()) == before


def test_mistakes_are_found_before_anything_heavy_is_loaded(run_idance: RunIdance, clips: Path) -> None:
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    result = run_idance("evaluate", clips, "--fail-if", "jiter>3", env=environment)
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.decode().splitlines()}
    assert result.returncode == 2 and not imported & {"torch", "librosa", "transformers", "scipy.signal", "av"}
    result = run_idance("evaluate", clips, "--set", "bootstrap=0", env=environment)
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.decode().splitlines()}
    assert result.returncode == 0 and not imported & {"torch", "librosa", "transformers", "av"}
