from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.stream.ports import read_clips
from tests.conftest import REPOSITORY, RunIdance
from tests.stages.conftest import Idance
from tests.stages.generate.songs import song


@pytest.fixture(scope="module")
def click_track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song(tmp_path_factory.mktemp("songs") / "clicks.ogg", 3.0)


def test_the_same_song_and_seed_give_the_same_bytes(
    tmp_path: Path, tiny_bundle: Path, click_track: Path, idance: Idance, run_idance: RunIdance
) -> None:
    """In this process and in another one; another seed gives another dance."""
    line = ["generate", click_track, "--model", tiny_bundle, "--seed", "7", "-o"]
    assert idance(*line, tmp_path / "a.h5").code == 0
    process = run_idance(*line, tmp_path / "b.h5")
    assert process.returncode == 0, process.stderr
    assert idance(*line, tmp_path / "c.h5", "--seed", "8").code == 0
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    first, other = (next(read_clips([str(tmp_path / name)])) for name in ("a.h5", "c.h5"))
    assert first.tokens is not None and other.tokens is not None
    assert np.mean(first.tokens.codes != other.tokens.codes) > 0.5


def test_first_the_time_then_the_song_then_the_file(
    tmp_path: Path, tiny_bundle: Path, click_track: Path, run_idance: RunIdance
) -> None:
    result = run_idance("generate", click_track, "--model", tiny_bundle, "-g", "salsa", "-o", tmp_path / "dance.bvh")
    time, heard, wrote = result.stderr.decode().splitlines()
    assert "3 s of music; this will take about 2 s" in time
    assert "clicks.ogg: 3.0 s, " in heard and "wrote " in wrote
    assert (tmp_path / "dance.bvh").read_text().startswith("HIERARCHY")


def test_takes_get_a_file_each(tmp_path: Path, tiny_bundle: Path, click_track: Path, idance: Idance) -> None:
    result = idance("generate", click_track, "--model", tiny_bundle, "--takes", "3", "-o", tmp_path / "t.npz")
    assert result.code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t_00.npz", "t_01.npz", "t_02.npz"]
    first, second = (np.load(tmp_path / name)["poses"] for name in ("t_00.npz", "t_01.npz"))
    assert first.shape == second.shape and not np.array_equal(first, second)


def test_takes_in_one_file(tmp_path: Path, tiny_bundle: Path, click_track: Path, idance: Idance) -> None:
    assert idance("generate", click_track, "--model", tiny_bundle, "--takes", "2", "-o", tmp_path / "t.h5").code == 0
    assert [clip.clip_id for clip in read_clips([str(tmp_path / "t.h5")])] == ["clicks-0", "clicks-1"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_a_song_on_stdin_and_a_pipe_behind(tmp_path: Path, tiny_bundle: Path, click_track: Path) -> None:
    script = f"set -o pipefail; idance() {{ '{sys.executable}' -m infinitedance_cli \"$@\"; }}; " + (
        f"idance generate - --model '{tiny_bundle}' < '{click_track}' | idance convert -o '{tmp_path}/x.npz'"
    )
    done = subprocess.run(
        ["bash", "-c", script], env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and "<stdin>: 3.0 s" in done.stderr
    assert len(np.load(tmp_path / "x.npz")["poses"]) == 90


def test_settings_are_shown_without_a_song_being_read(idance: Idance) -> None:
    result = idance("generate", "no-such-song.mp3", "--top-k", "5", "--set", "guidance=2.5", "--print-config")
    assert result.code == 0 and "top_k: 5" in result.output and "guidance: 2.5" in result.output


@pytest.mark.parametrize("settings", [["--seed", "99999999999999999999"], ["--set", "seed=-1"], ["--set", "takes=0"]])
def test_settings_out_of_range(tmp_path: Path, click_track: Path, idance: Idance, settings: list[str]) -> None:
    result = idance("generate", click_track, *settings, "-o", tmp_path / "x.h5")
    assert result.code == 2 and "expected" in result.lines[-1] and len(result.lines) == 1
