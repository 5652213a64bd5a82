"""What a hundred hours cost: every stage measured on small inputs, laid out to the paper's 100.69 h, beside the paper.

    python -m tests.benchmarks.bench_costs DATA [--json FILE] [--runs 1] [--core-hour 0.03] [--a100-hour 1.5]

Each stage is the command as a user gives it, in a process of its own on one thread, once on a small input and once on a
larger one of the same kind: the difference is the work, the rest is the start. Networks are trained for a few steps of
the starter's recipes, which are counted as often as the recipe says. Core-hours are processor time, which a busy
machine disturbs less than the clock; with --runs the least of several is taken. Prices are assumptions: give your own.

The paper's figures are what it says of its own run. They are of other work: its choreographer has 1.14 billion
parameters, the starter's 4.4 million, and its bodies and physics come from large networks, too. The table compares
bills, not quality.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

import infinitedance_cli.starter
from infinitedance_cli.config import resolve
from infinitedance_cli.formats import g1
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.retarget import retarget
from infinitedance_cli.stages.train.stage import ChoreographerRun, FootRestorerRun, RetrieverRun, TokenizerRun
from infinitedance_cli.stream.ports import read_clips, write_clips
from tests.benchmarks._index_plan import CORE_HOUR
from tests.benchmarks.bench_speed import apart, long_song, table
from tests.conftest import REPOSITORY

HOURS = 100.69
"""The paper's set, at 30 frames a second."""
FRAMES = HOURS * 3600 * 30
A100_HOUR = 1.5
"""Assumed price in dollars; that of a core-hour is the index plan's."""
RECORDING = "g1_moves/dance__J_Dance4_Broadway.npz"
VIDEO = "videos/sports2d_demo.mp4"
VIDEO_S = 7.0
CLIP_S = 10.0
RECIPES = Path(infinitedance_cli.starter.__file__).parent / "recipe"

PAPER: dict[str, tuple[str, float]] = {
    "capture": ("5 days on 8", 5 * 24 * 8),
    "imitate": ("a month on 8", 30 * 24 * 8),
    "restore-feet": ("4 days on 8; 1.83 s per 1,024 frames would be 5 h", 4 * 24 * 8),
    "generate": ("42.8 frames/s on one", FRAMES / 42.8 / 3600),
    "train tokenizer": ("24 h on one", 24),
    "train choreographer": ("18 h on 4", 18 * 4),
    "train foot-restorer": ("16 h on 2", 16 * 2),
}
"""What the paper says of its run on A100, and that in A100-hours."""
BESIDE = "imitate --quality physical"
"""Another way to do what a default does; it is in no sum."""


@dataclass(frozen=True)
class Run:
    """A command line after `idance`, OUT in it standing for a new folder, and how much it does, in the stage's unit."""

    amount: float
    line: Sequence[str]


@dataclass(frozen=True)
class Stage:
    """A stage and a small and a larger run of it; the whole work is `total` times its unit."""

    name: str
    unit: str
    total: float
    runs: tuple[Run, Run]


@dataclass(frozen=True)
class Cost:
    """Seconds of processor and of time for one unit, those before the work begins, and core-hours for all the work."""

    stage: str
    unit: str
    processor_s: float
    wall_s: float
    start_processor_s: float
    start_wall_s: float
    core_hours: float


def seconds_of(line: Sequence[str], runs: int) -> tuple[float, float]:
    """Processor time and time of a command with all its processes, each the least of some runs."""
    command = [sys.executable, "-m", "infinitedance_cli", *line]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    found = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "stderr", "w+b") as said:
            here = [word.replace("OUT", folder) for word in command]
            started = time.perf_counter()
            with subprocess.Popen(
                here, stdout=subprocess.DEVNULL, stderr=said, cwd=REPOSITORY, env={**os.environ, **threads}
            ) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.perf_counter() - started
            if process.returncode:
                said.seek(0)
                raise SystemExit(f"idance {' '.join(line)} failed:\n{said.read().decode()}")
        found.append((usage.ru_utime + usage.ru_stime, wall))
    processor, walls = zip(*found, strict=True)
    return min(processor), min(walls)


def cost_of(stage: Stage, runs: int) -> Cost:
    """Measure a stage."""
    small, large = stage.runs
    first, second = (np.array(seconds_of(run.line, runs)) for run in stage.runs)
    unit = (second - first) / (large.amount - small.amount)
    processor_s, wall_s = unit.tolist()
    start_processor_s, start_wall_s = (first - small.amount * unit).tolist()
    core_hours = processor_s * stage.total / 3600
    return Cost(stage.name, stage.unit, processor_s, wall_s, start_processor_s, start_wall_s, core_hours)


class Inputs:
    """The small inputs, made in a folder."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.data, self.folder = data, folder
        self._dance = retarget(g1.read_source(data / RECORDING))

    def video(self, seconds: float) -> Run:
        """The opening of the video, its pictures as they were encoded."""
        import av

        path = self.folder / f"video{seconds:g}.mp4"
        with av.open(str(self.data / VIDEO)) as source, av.open(str(path), "w") as target:
            pictures = source.streams.video[0]
            stream = target.add_stream_from_template(pictures)
            for packet in source.demux(pictures):
                if packet.dts is not None and packet.time_base and float(packet.dts * packet.time_base) < seconds:
                    packet.stream = stream
                    target.mux(packet)
        return Run(seconds, ("capture", str(path), "-o", "OUT/clips.h5"))

    def dances(self, copies: int, line: Sequence[str], seconds: float = CLIP_S, *, of: MotionClip | None = None) -> Run:
        """A command on copies of one dance, all of it counted; IN in the line stands for their file."""
        frames = round(seconds * self._dance.fps)
        dance = of or replace(
            self._dance,
            root_position=self._dance.root_position[:frames],
            joint_rotation=self._dance.joint_rotation[:frames],
        )
        path = self.folder / f"{line[0]}{copies}x{seconds:g}.h5"
        if not path.exists():
            write_clips((replace(dance, clip_id=f"copy{number}") for number in range(copies)), str(path))
        return Run(copies * dance.duration_s, [str(path) if word == "IN" else word for word in line])

    def song(self, seconds: float) -> Path:
        """The example songs end to end."""
        path = self.folder / f"song{seconds:g}.ogg"
        if not path.exists():
            apart(long_song, path, seconds)
        return path

    def made(self, *line: str) -> Path:
        """What a command writes to the file that its last word names."""
        path = self.folder / line[-1]
        seconds_of([*line[:-1], str(path)], 1)
        return path


def stages(inputs: Inputs) -> Iterator[Stage]:
    """All stages, each when its turn comes."""

    def dances(name: str, few: int, many: int, *line: str, seconds: float = CLIP_S) -> Stage:
        runs = inputs.dances(few, line, seconds), inputs.dances(many, line, seconds)
        return Stage(name, "second of dance", HOURS * 3600, runs)

    yield Stage("capture", "second of dance", HOURS * 3600, (inputs.video(VIDEO_S / 3), inputs.video(VIDEO_S)))
    yield dances("imitate", 1, 5, "imitate", "--jobs", "1", "IN", "-o", "OUT/real.h5")
    physical = ("imitate", "--jobs", "1", "--quality", "physical", "IN", "-o", "OUT/real.h5")
    yield dances(BESIDE, 1, 2, *physical, seconds=3.0)
    yield dances("restore-feet", 1, 30, "restore-feet", "IN", "-o", "OUT/clean.h5")
    yield dances("tokenize", 1, 3, "tokenize", "IN", "-o", "OUT/tokens.h5")
    ((coded,), line) = _coded(inputs), ("build-index", "IN", "-o", "OUT/index.safetensors")
    few, many = inputs.dances(5, line, of=coded), inputs.dances(150, line, of=coded)
    yield Stage("build-index", "second of dance", HOURS * 3600, (few, many))
    songs = [Run(s, ("generate", str(inputs.song(s)), "-o", "OUT/dance.h5")) for s in (20.0, 80.0)]
    yield Stage("generate", "second of music", HOURS * 3600, (songs[0], songs[1]))
    yield dances("evaluate", 1, 60, "evaluate", "IN", "--json")
    yield dances("render", 1, 2, "render", "IN", "-o", "OUT/video.mp4", seconds=5.0)
    yield from trainings(inputs)


def _coded(inputs: Inputs) -> list[MotionClip]:
    source = inputs.dances(1, ("tokenize", "--refine", "0", "IN"))
    return list(read_clips([str(inputs.made(*source.line, "-o", "coded.h5"))]))


def trainings(inputs: Inputs) -> Iterator[Stage]:
    """The starter's recipes, a few steps of each; the tokeniser's from where it draws codes.

    In single precision: CPUs without units for bf16 imitate it, twenty times slower than that.
    """
    pairs = inputs.made("generate", str(inputs.song(20.0)), "-g", "house", "--takes", "4", "-o", "pairs.h5")
    recipes = {
        "tokenizer": (resolve(TokenizerRun, file=RECIPES / "tokenizer.yaml").loop, 2, 5),
        "retriever": (resolve(RetrieverRun, file=RECIPES / "retriever.yaml").loop, 2, 6),
        "choreographer": (resolve(ChoreographerRun, file=RECIPES / "choreographer.yaml").loop, 2, 5),
        "foot-restorer": (resolve(FootRestorerRun, file=RECIPES / "foot_restorer.yaml").loop, 2, 5),
    }
    single = ("--set", "loop.precision=no")
    for name, (loop, few, many) in recipes.items():
        recipe = RECIPES / f"{name.replace('-', '_')}.yaml"
        line = ["train", name, str(pairs), "--config", str(recipe), "-o", "OUT/model", *single]
        line += ["--set", "recipe.continuous_steps=0"] if name == "tokenizer" else []
        runs = [Run(steps, (*line, "--steps", str(steps))) for steps in (few, many)]
        yield Stage(f"train {name}", f"step of {loop.batch_size} windows", loop.steps, (runs[0], runs[1]))


def rows_of(costs: Sequence[Cost], core_hour: float, a100_hour: float) -> Iterator[tuple[str, ...]]:
    """The lines of the table and their sum."""
    ours = sum(cost.core_hours for cost in costs if cost.stage != BESIDE)
    for cost in costs:
        said, hours = PAPER.get(cost.stage, ("", 0.0))
        theirs = (f"{hours:,.0f}", f"{hours * a100_hour:,.0f}") if hours else ("", "")
        measured = (f"{cost.processor_s:.3g}", f"{cost.wall_s:.3g}", f"{cost.start_processor_s:.1f}")
        bill = (f"{cost.core_hours:,.3g}", f"{cost.core_hours * core_hour:,.2f}")
        yield (f"`{cost.stage}`", cost.unit, *measured, *bill, said, *theirs)
    paper = sum(hours for _, hours in PAPER.values())
    sums = (f"{ours:,.0f}", f"{ours * core_hour:,.2f}", "", f"{paper:,.0f}", f"{paper * a100_hour:,.0f}")
    yield ("all but the physical way", *[""] * 4, *sums)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--runs", type=int, default=1, help="of each command; the least counts")
    parser.add_argument("--only", nargs="+", help="only these stages, by their names in the table")
    parser.add_argument("--core-hour", type=float, default=CORE_HOUR, help="price, $")
    parser.add_argument("--a100-hour", type=float, default=A100_HOUR, help="price, $")
    given = parser.parse_args()
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        for stage in stages(Inputs(given.data, Path(folder))):
            if not given.only or stage.name in given.only:
                costs.append(cost_of(stage, given.runs))
                print(f"{stage.name}: {costs[-1].processor_s:.3g} s a {stage.unit}", file=sys.stderr, flush=True)
    header = ("stage", "for each", "processor s", "s by the clock", "start, processor s", f"core-hours, {HOURS} h", "$")
    table((*header, "the paper, on A100", "A100-hours", "$"), list(rows_of(costs, given.core_hour, given.a100_hour)))
    print(f"\nassumed: ${given.core_hour} a core-hour, ${given.a100_hour} an A100-hour")
    if given.json:
        prices = {"core_hour": given.core_hour, "a100_hour": given.a100_hour}
        paper = {name: {"said": said, "a100_hours": hours} for name, (said, hours) in PAPER.items()}
        figures = {"hours": HOURS, "prices": prices, "stages": [asdict(cost) for cost in costs], "paper": paper}
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
