"""Workers and commands that are killed in the middle: a rerun completes the folder; nothing is lost, nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infinitedance_cli.stream.shard_index import HEADER_BYTES, INDEX
from infinitedance_cli.stream.shards import ShardFolder
from tests.conftest import REPOSITORY
from tests.engine.stages import write_shards

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

SHARD = "shard-000000.h5"


def command(*arguments: object) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "tests.engine.drive", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        line, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finished(*arguments: object, limit: float = 240) -> tuple[int, str]:
    process = command(*arguments)
    _, said = process.communicate(timeout=limit)
    return process.returncode, said


def wait_for(happened: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def workers(notes: Path) -> list[int]:
    return [
        int(path.name.partition("-")[2]) for path in sorted(notes.glob("loaded-*"), key=lambda one: one.stat().st_mtime)
    ]


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def has_begun(folder: Path) -> bool:
    index = folder / INDEX
    return index.exists() and index.stat().st_size > HEADER_BYTES


@contextmanager
def running(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = command(*arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def a_folder_completed_after_kills(tmp_path: Path, where: str) -> None:
    source = write_shards(tmp_path / "in", 64)
    notes, out = tmp_path / "notes", tmp_path / "out"
    notes.mkdir()
    assert finished(source, f"{tmp_path}/serial/", notes, "local", 1, 0)[0] == 0
    (notes / f"loaded-{workers(notes)[0]}").unlink()
    with running(source, f"{out}/", notes, where, 2, 0.25) as process:
        wait_for(lambda: len(workers(notes)) >= 2)
        os.kill(workers(notes)[0], signal.SIGKILL)
        wait_for(lambda: len(workers(notes)) >= 3 or has_begun(out))
        wait_for(lambda: has_begun(out))
        process.kill()
        wait_for(lambda: not any(is_running(pid) for pid in workers(notes)))
    there = len(ShardFolder(out))
    assert 0 < there < 64
    code, said = finished(source, f"{out}/", notes, where, 2, 0)
    assert code == 0 and f"added {64 - there} clips, {there} there already" in said, said
    assert (out / SHARD).read_bytes() == (tmp_path / "serial" / SHARD).read_bytes()
    assert [entry.facts.clip_id for entry in ShardFolder(out).entries()] == [f"c{number}" for number in range(64)]


def test_processes_and_the_command_are_killed(tmp_path: Path) -> None:
    a_folder_completed_after_kills(tmp_path, "local")


def test_ray_actors_and_the_command_are_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    a_folder_completed_after_kills(tmp_path, "ray")


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    source, notes, out = write_shards(tmp_path / "in", 8), tmp_path / "notes", tmp_path / "out"
    notes.mkdir()
    with running(source, f"{out}/", notes, "local", 2, 1) as process:
        wait_for(lambda: len(workers(notes)) >= 2)
        time.sleep(3)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said.splitlines()[-1] == "drive: error: interrupted", said
    assert "Traceback" not in said
    assert 0 < len(ShardFolder(out)) < 8
    assert not any(is_running(pid) for pid in workers(notes))


def test_a_second_command_on_one_output_is_refused(tmp_path: Path) -> None:
    source, notes, out = write_shards(tmp_path / "in", 20), tmp_path / "notes", tmp_path / "out"
    notes.mkdir()
    with running(source, f"{out}/", notes, "local", 2, 1):
        wait_for(lambda: len(workers(notes)) >= 1)
        code, said = finished(source, f"{out}/", notes, "local", 1, 0)
    assert code == 2 and "another idance is writing there; wait for it, or choose another output" in said


def test_failed_clips_are_named_and_a_rerun_tries_them_again(tmp_path: Path) -> None:
    source, notes, out = write_shards(tmp_path / "in", 6), tmp_path / "notes", tmp_path / "out"
    for name in ("notes", "alone"):
        (tmp_path / name).mkdir()
    code, said = finished(source, f"{out}/", notes, "local", 2, 0, "c1=fails", "c3=kills")
    assert code == 5, said
    assert "2 of 6 clips failed and were left out: c1: cannot be done; " in said.splitlines()[-1]
    assert "3 workers died while they worked on it" in said.splitlines()[-1]
    code, said = finished(source, f"{out}/", notes, "local", 1, 0)
    assert code == 0 and "added 2 clips, 4 there already" in said, said
    assert sorted(entry.facts.clip_id for entry in ShardFolder(out).entries()) == [f"c{number}" for number in range(6)]
    code, said = finished(source, f"{out}/", tmp_path / "alone", "local", 1, 0)
    assert code == 2 and "made by another command or other settings" in said, said
