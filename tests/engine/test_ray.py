"""Work on Ray: as one process does it, on a cluster of the command's own or on one that is there."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.engine.stages import write_shards
from tests.engine.test_kills import finished

pytest.importorskip("ray")


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a cluster with two cores and, as it believes, one GPU; it asks for a token made up for it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--head --block --port={port} --num-cpus=2 --num-gpus=1 --include-dashboard=false --disable-usage-stats"
    script = "import sys; from ray.scripts.scripts import main; sys.exit(main())"
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        line = [sys.executable, "-c", script, "start", *options.split(), f"--temp-dir={folder}"]
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        environment = {**os.environ, **token, "PYTHONPATH": str(REPOSITORY)}
        head = subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        assert head.stdout is not None
        for said in head.stdout:
            if "--block" in said:
                break
        with pytest.MonkeyPatch.context() as patched:
            for name, value in token.items():
                patched.setenv(name, value)
            yield f"127.0.0.1:{port}"
        os.killpg(head.pid, signal.SIGKILL)
        head.communicate()


def test_ray_answers_as_one_process(tmp_path: Path) -> None:
    """Also where an actor dies of a clip, or its disk is full."""
    pytest.importorskip("ray")
    source, notes = write_shards(tmp_path / "in", 12), tmp_path / "notes"
    notes.mkdir()
    code, said = finished(source, tmp_path / "ray.h5", notes, "ray", 2, 0, "c2=kills", "c5=fails", "c6=full once")
    assert code == 5 and "2 of 12 clips failed" in said.splitlines()[-1], said
    alone = finished(source, tmp_path / "alone.h5", notes, "local", 1, 0, "c2=fails", "c5=fails")
    assert alone[0] == 5 and (tmp_path / "ray.h5").read_bytes() == (tmp_path / "alone.h5").read_bytes()


def test_a_cluster_that_is_there_gives_each_worker_its_share_of_a_gpu(tmp_path: Path, cluster: str) -> None:
    source, notes = write_shards(tmp_path / "in", 6), tmp_path / "notes"
    notes.mkdir()
    for name in ("once", "again"):  # a command leaves the cluster as it was
        code, said = finished(
            source, tmp_path / f"{name}.h5", notes, "ray", 2, 0, f"address={cluster}", "gpus=0.5", limit=120
        )
        assert code == 0, said
    assert {path.read_text() for path in notes.glob("loaded-*")} == {"0"}
    assert (tmp_path / "once.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("gpus=1", "--num-gpus-per-worker 1: Ray sees 0 GPUs here; leave it out, or give --address"),
        ("address=127.0.0.1:1", "--address 127.0.0.1:1: no Ray cluster answers there"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(tmp_path: Path, option: str, message: str) -> None:
    source = write_shards(tmp_path / "in", 2)
    code, said = finished(source, tmp_path / "out.h5", tmp_path, "ray", 1, 0, option)
    assert code == 4 and said.count("\n") == 1 and message in said, said
