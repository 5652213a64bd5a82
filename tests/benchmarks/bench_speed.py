"""Length, time and memory of `idance generate`, and where the time goes; songs are laid out of the example songs.

python -m tests.benchmarks.bench_speed [--model starter] [--hour]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from infinitedance_cli.music.decode import stream_audio
from infinitedance_cli.stream.ports import read_clips
from tests.conftest import REPOSITORY
from tests.music.sounds import CODECS, write_audio

LENGTHS = ((0.5, "wav"), (5.0, "mp3"), (47.3, "m4a"), (180.0, "flac"), (200.0, "mp4"), (600.0, "ogg"))
TIMED_S = 180.0
TIME_TARGET_S, MEMORY_TARGET_MB = 20.0, 1500.0


@dataclass(frozen=True)
class Run:
    """One command: seconds until its first line on stderr and until its end, peak memory, frames beyond the song's."""

    first_line_s: float
    wall_s: float
    memory_mb: float
    frames_off: float


def long_song(path: Path, seconds: float) -> Path:
    """The example songs end to end, over and over, cut after `seconds`, in the codec of the path's ending."""
    codec, rate = CODECS[path.suffix[1:]]
    left, blocks = round(seconds * rate), []
    for source in cycle(sorted((REPOSITORY / "examples" / "songs").glob("*.ogg"))):
        for block in stream_audio(str(source), rate):
            blocks.append(block[:left])
            left -= len(blocks[-1])
        if left <= 0:
            break
    return write_audio(path, np.concatenate(blocks)[None], rate, codec)


def apart(work: Callable[..., object], *arguments: object) -> None:
    """Do it in another process: Linux counts the peak memory of a process into that of what it starts."""
    process = get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{work.__name__} failed")


def timed(song: Path, seconds: float, model: str) -> Run:
    """Run the command on a song in a process of its own."""
    output = song.with_suffix(".h5")
    line = [sys.executable, "-m", "infinitedance_cli", "generate", str(song), "-m", model, "-o", str(output)]
    started = time.perf_counter()
    with subprocess.Popen(line, stderr=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stderr is not None
        process.stderr.readline()
        first = time.perf_counter() - started
        process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"idance generate failed on {song.name} with exit code {process.returncode}")
    wall = time.perf_counter() - started
    (clip,) = read_clips([str(output)])
    return Run(first, wall, usage.ru_maxrss / 1024, clip.frames - seconds * 30)


def stages(song: Path, model: str) -> Iterator[tuple[str, float]]:
    """Seconds of each part of the work on one song, in this process."""
    mark = time.perf_counter()

    def lap() -> float:
        nonlocal mark
        before, mark = mark, time.perf_counter()
        return mark - before

    import torch

    from infinitedance_cli.stages.generate.brief import make_brief
    from infinitedance_cli.stages.generate.conditions import Conditions
    from infinitedance_cli.stages.generate.config import GenerateConfig
    from infinitedance_cli.stages.generate.finish import align_in_pieces, decode_codes, finish, plant_in_pieces
    from infinitedance_cli.stages.generate.stage import choreograph
    from infinitedance_cli.stream.codec import encode

    torch.set_num_threads(1)
    yield "import torch and the stage", lap()
    brief = make_brief(str(song), GenerateConfig(model=model))
    yield "load the model, hear the song, choose the genre", lap()
    codes = choreograph(brief, Conditions(brief), 0, lambda count=1: None)
    yield "draw the codes", lap()
    clip = decode_codes(brief.bundle.tokenizer, codes, brief.frames, "dance")
    yield "decode them", lap()
    finish_config = brief.config.finish
    planted = plant_in_pieces(clip, finish_config)
    yield "plant the feet", lap()
    align_in_pieces(planted, brief.track.beats * clip.fps, finish_config.beats)
    yield "move the timing onto the beat", lap()
    done = brief.describe(finish(clip, brief.track.beats, finish_config), 0, codes)
    lap()
    encode(done)
    yield "encode the clip", lap()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(row) + " |")


def main() -> None:
    """Print both tables; exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--hour", action="store_true", help="also an hour of music")
    arguments = parser.parse_args()
    lengths = (*LENGTHS, (3600.0, "mp3")) if arguments.hour else LENGTHS
    with tempfile.TemporaryDirectory() as folder:
        rows, missed = [], False
        for seconds, suffix in lengths:
            song = Path(folder) / f"song{seconds:g}.{suffix}"
            apart(long_song, song, seconds)
            run = timed(song, seconds, arguments.model)
            missed |= abs(run.frames_off) > 1 or (seconds <= 600 and run.memory_mb > MEMORY_TARGET_MB)
            missed |= run.first_line_s > 2 or (seconds == TIMED_S and run.wall_s > TIME_TARGET_S)
            figures = (f"{run.first_line_s:.2f} s", f"{run.wall_s:.1f} s", f"{run.memory_mb:.0f} MB")
            rows.append((f"{seconds:g} s", suffix, f"{run.frames_off:+.1f}", *figures))
        header = ("song", "file", "frames off (≤ 1)", "first estimate (≤ 2 s)", "start to file (3 min ≤ 20 s)")
        table((*header, "peak memory (10 min ≤ 1.5 GB)"), rows)
        song = Path(folder) / f"song{TIMED_S:g}.flac"
        print()
        table(
            ("a song of 3 minutes", "s"), [(name, f"{seconds:.2f}") for name, seconds in stages(song, arguments.model)]
        )
    sys.exit(missed)


if __name__ == "__main__":
    main()
