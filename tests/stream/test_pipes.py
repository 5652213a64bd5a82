"""Real processes joined by real pipes, under `set -o pipefail`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.ports import read_clips
from tests.stream.clips import assert_same_clip, full_clip, small_clip

IDANCE = f'"{sys.executable}" -m infinitedance_cli'

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs bash")


def _bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = f'set -o pipefail\nidance() {{ {IDANCE} "$@"; }}\n{script}'
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=120)


def test_two_files_through_two_processes(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(encode(full_clip("a")))
    (tmp_path / "b.h5").write_bytes(encode(small_clip("b")))
    result = _bash("cat a.h5 b.h5 | idance convert - -o - | idance convert --joints 22 -o out.h5", tmp_path)
    assert result.returncode == 0, result.stderr
    first, second = read_clips([str(tmp_path / "out.h5")])
    assert (first.clip_id, first.skeleton.joint_count) == ("a", 22)
    assert_same_clip(second, small_clip("b"))


def test_failure_in_the_middle_fails_the_pipe(tmp_path: Path) -> None:
    """The first stage reads a truncated clip: code 3, one line each, and no file at the end."""
    (tmp_path / "cut.h5").write_bytes(encode(small_clip())[:5000])
    result = _bash("idance convert - -o - < cut.h5 | idance convert -o out.h5", tmp_path)
    assert result.returncode == 3
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 2
    assert any("standard input, clip 1: truncated: found 5000 bytes" in line for line in lines)
    assert any("standard input: the stream is empty" in line for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["cut.h5"]


def test_reader_that_leaves_ends_the_writer_with_141(tmp_path: Path) -> None:
    (tmp_path / "many.h5").write_bytes(encode(full_clip(frames=300)) * 20)
    result = _bash("idance convert many.h5 -o - | head -c 1000 > head; echo ${PIPESTATUS[0]}", tmp_path)
    assert result.stdout.strip() == "141"
    assert result.stderr == ""
    assert (tmp_path / "head").read_bytes() == encode(full_clip(frames=300))[:1000]


def test_interruption_leaves_no_file(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "infinitedance_cli", "convert", "-", "-o", "out.h5"],
        cwd=tmp_path,
        stdin=reader,
        stderr=subprocess.PIPE,
    )
    os.close(reader)
    os.write(writer, encode(small_clip(frames=1)))
    while not list(tmp_path.iterdir()):  # the first clip has arrived: it is in the middle of its work
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    os.close(writer)
    assert process.returncode == 130
    assert b"Traceback" not in message
    assert list(tmp_path.iterdir()) == []
