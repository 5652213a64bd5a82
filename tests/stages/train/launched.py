"""Small trainings on one process or several: settings, clips in shards, and the real launcher."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from infinitedance_cli.config import to_yaml
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import facts_of
from infinitedance_cli.stream.shard_writer import ShardWriter
from tests.conftest import REPOSITORY
from tests.models.tiny_bundle import danced_clip
from tests.stages.train.ports import free_port

CPU = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY), "COLUMNS": "80"}


def write_shards(folder: Path, clips: int = 9, frames: int = 90, held_out: int = 1) -> Path:
    """A folder of shards with made-up dances, the last ones held out."""
    with ShardWriter(folder, shard_bytes=200_000) as writer:
        for seed in range(clips):
            clip = danced_clip(frames, seed, "train" if seed < clips - held_out else "held_out")
            writer.add(encode(clip), facts_of(clip))
    return folder


def settings_file(path: Path, run: Any) -> Path:
    """The settings of a run as `--config` reads them."""
    path.write_text(to_yaml(run))
    return path


def losses(folder: Path) -> dict[int, dict[str, float]]:
    """What training said at each evaluation."""
    path = folder / "figures.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {line["step"]: line["train"] for line in map(json.loads, lines)}


@contextmanager
def launched(*arguments: str | Path, processes: int = 2, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`accelerate launch -m infinitedance_cli …` on this machine's CPUs; what is left of it at the end is killed."""
    options = f"--multi_gpu --num_processes {processes} --num_machines 1 --mixed_precision no --dynamo_backend no"
    launch = [sys.executable, "-m", "accelerate.commands.launch", *options.split()]
    launch += ["--main_process_port", str(free_port()), "-m", "infinitedance_cli", *map(str, arguments)]
    process = subprocess.Popen(
        launch, env={**os.environ, **CPU, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        kill_all(process)
        process.communicate()


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """End a launcher and its processes as a power cut would."""
    if process.poll() is None:
        for one in [*psutil.Process(process.pid).children(recursive=True), process]:
            os.kill(one.pid, signal.SIGKILL)


def wait_for(process: subprocess.Popen[bytes], path: Path, seconds: float = 200) -> None:
    """Until there is such a file; fails when the process ends before."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end, (process.communicate()[0] or b"").decode()
        time.sleep(0.05)
