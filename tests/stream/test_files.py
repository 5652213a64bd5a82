"""Files that appear when they are complete, and that one command at a time writes."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infinitedance_cli.errors import UsageError
from infinitedance_cli.stream.files import NewFile

_WRITER = """
import sys, time
from pathlib import Path
from infinitedance_cli.stream.files import NewFile
with NewFile(Path(sys.argv[1])) as new:
    new.file.write(b"theirs")
    print("at work", flush=True)
    sys.stdin.read()
    new.finish(new.path)
"""


@contextmanager
def another_writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun to write `path`, and finishes when its input ends."""
    command = [sys.executable, "-c", textwrap.dedent(_WRITER), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "at work\n"
        yield process


def written(path: Path, content: bytes) -> None:
    with NewFile(path) as new:
        new.file.write(content)
        new.finish(path)


def test_the_second_writer_of_a_file_is_told_so_and_the_first_finishes(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    with another_writer(path), pytest.raises(UsageError, match=r"out\.h5: another idance is writing it"):
        written(path, b"ours")
    assert [file.name for file in tmp_path.iterdir()] == ["out.h5"] and path.read_bytes() == b"theirs"
    written(path, b"ours")
    assert [file.name for file in tmp_path.iterdir()] == ["out.h5"] and path.read_bytes() == b"ours"


def test_a_writer_that_was_killed_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    with another_writer(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(list(tmp_path.glob(".out.h5.*.part"))) == 1
    written(path, b"ours")
    assert [file.name for file in tmp_path.iterdir()] == ["out.h5"] and path.read_bytes() == b"ours"
