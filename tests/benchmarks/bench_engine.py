"""What the engine costs and brings: plain loop, one worker, two workers, here and on Ray; the driver's memory.

    python -m tests.benchmarks.bench_engine [--clips 2000] [--listed 100000] [--stages restore-feet,tokenize]

Each figure is the time of a whole command, from its start to its end, in a process of its own; the plain loop is the
stage function over `read_clips` into `write_clips`. Ratios are of runs right after each other. Processor time, which a
busy machine disturbs less, is that of the command and its processes; Ray's own daemons are not in it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import facts_of
from infinitedance_cli.stream.shard_writer import ShardWriter
from tests.conftest import REPOSITORY
from tests.motion.samples import wandering_clip

_LOOPS = {
    "restore-feet": """
from infinitedance_cli.models.foot_restorer import FootRestorer
from infinitedance_cli.stages.restore_feet.config import RestoreFeetConfig
from infinitedance_cli.stages.restore_feet.stage import restore_feet
from infinitedance_cli.stages.restore_feet.weights import weights_path
model = load_model(weights_path("starter"), FootRestorer)
write_clips(restore_feet(read_clips([source]), model, RestoreFeetConfig()), output)
""",
    "tokenize": """
from infinitedance_cli.models.bundle import load_part
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.stages.tokenize.config import TokenizeConfig
from infinitedance_cli.stages.tokenize.stage import tokenize
model = load_part("starter", "tokenizer", Tokenizer)
write_clips(tokenize(read_clips([source]), model, TokenizeConfig(refine=refine)), output)
""",
}
_HEAD = """
import sys, torch
from infinitedance_cli.models.checkpoint import load_model
from infinitedance_cli.stream.ports import read_clips, write_clips
torch.set_num_threads(1)
source, output, refine = sys.argv[1], sys.argv[2], int(sys.argv[3])
"""
_LISTED = """
import sys
from infinitedance_cli.engine.inputs import find_clips
from infinitedance_cli.engine.outputs import ShardOutput
from infinitedance_cli.engine.placement import Placement
from infinitedance_cli.engine.run import answers
from infinitedance_cli.engine.task import Task
from pathlib import Path
task = Task("tests.benchmarks.bench_engine:open_nothing", 0)
count = 0
with ShardOutput(Path(sys.argv[2]), "0" * 8) as target:
    for _, answer in answers(target.missing(find_clips([sys.argv[1]])), task, Placement(sys.argv[3], 2), keyed=True):
        count += 1
status = Path("/proc/self/status").read_text()
print(count, int(status.split("VmHWM:")[1].split()[0]) / 1000)
"""


def open_nothing(settings: int) -> object:
    """A stage that reads nothing and gives back nothing, so that only the engine works."""
    from infinitedance_cli.engine.task import Work, one_by_one

    return Work(one_by_one(lambda clips: []), at_once=16, load=lambda source: [source.where])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--listed", type=int, default=100_000)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--refine", type=int, default=30)
    parser.add_argument("--stages", default="restore-feet,tokenize")
    parser.add_argument("--where", default="local,ray")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="idance-bench-") as folder:
        source = Path(folder) / "in"
        write(source, given.clips, given.frames)
        for stage in filter(None, given.stages.split(",")):
            compare(stage, source, Path(folder), given)
        if given.listed:
            memory(Path(folder), given.listed, given.where.split(","))


def write(folder: Path, count: int, frames: int) -> None:
    """Short clips, each different from all others; a hundred movements."""
    movements = [wandering_clip(frames, seed) for seed in range(min(count, 100))]
    with ShardWriter(folder) as writer:
        for number in range(count):
            clip = movements[number % len(movements)]
            root = clip.root_position + np.float32(0.001) * np.float32(number // 100)
            clip = replace(clip, clip_id=f"clip-{number}", root_position=root)
            writer.add(encode(clip), facts_of(clip))


def compare(stage: str, source: Path, folder: Path, given: argparse.Namespace) -> None:
    """The plain loop, then the command with one and two workers."""
    refine = ["--refine", str(given.refine)] if stage == "tokenize" else []
    outputs = {"plain loop": folder / f"{stage}-plain.h5"}
    plain, plain_cores = timed(
        [sys.executable, "-c", _HEAD + _LOOPS[stage], source, outputs["plain loop"], given.refine]
    )
    print(f"{stage}, {given.clips} clips of {given.frames} frames", flush=True)
    print(f"  plain loop     {plain:7.1f} s   {plain_cores:.1f} s of processor time", flush=True)
    runs = [("alone", ["--jobs", "1"], 1)]
    if "local" in given.where:
        runs.append(("two processes", ["--jobs", "2"], 2))
    if "ray" in given.where:
        runs += [(f"ray, {jobs}", ["--run-on", "ray", "--jobs", str(jobs)], jobs) for jobs in (1, 2)]
    for name, options, _ in runs:
        outputs[name] = folder / f"{stage}-{name.replace(', ', '-').replace(' ', '-')}.h5"
        line = [sys.executable, "-m", "infinitedance_cli", stage, source, "-q", "-o", outputs[name], *refine, *options]
        took, cores = timed(line)
        ratio = f"{plain / took:.2f} times as fast, {cores / plain_cores:.2f} of its processor time"
        print(f"  {name:14s} {took:7.1f} s   {ratio}", flush=True)


def memory(folder: Path, listed: int, places: list[str]) -> None:
    """The driver's peak memory while it goes through many clips."""
    from tests.benchmarks.bench_shards import SHARD_BYTES, images

    source = folder / "listed"
    with ShardWriter(source, SHARD_BYTES) as writer:
        for image, facts in images(listed):
            writer.add(image, facts)
    for place in places:
        line = [sys.executable, "-c", _LISTED, str(source), str(folder / f"none-{place}"), place]
        done = subprocess.run(line, capture_output=True, text=True, check=True, env=environment(), cwd=REPOSITORY)
        count, megabytes = done.stdout.split()
        print(f"driver, {place}: {count} clips listed and answered, peak {float(megabytes):.0f} MB", flush=True)


def timed(line: list[object]) -> tuple[float, float]:
    """Seconds that a command takes, and seconds of a core that it and its processes work."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(list(map(str, line)), check=True, env=environment(), cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cores = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cores


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}


if __name__ == "__main__":
    main()
