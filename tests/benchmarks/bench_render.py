"""How fast `idance render` draws: whole videos from clip to file, with song, muxing and encoder.

python -m tests.benchmarks.bench_render [--seconds 10] [--cores 1] [--song SONG]

`--cores N` keeps this process and the threads of rasteriser and encoder on N cores. Every line also states processor
time, and wall time as a multiple of a reference load that is timed before and after in the same run: twenty products of
two 300 x 300 matrices of doubles on one thread. So figures from a busy machine can be compared.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip, MusicTrack
from infinitedance_cli.motion.skeleton import default_skeleton

FPS = 30.0
SONG = Path(__file__).parents[2] / "examples" / "songs" / "house_124.ogg"
TARGET_FPS = 20.0


@dataclass(frozen=True)
class Measured:
    """Seconds of wall and processor time that drawing `frames` took."""

    frames: int
    wall_s: float
    processor_s: float


def swaying_clip(seconds: float, song: Path, seed: int = 0) -> MotionClip:
    """A body that wanders and swings all its limbs, with a beat each half second."""
    frames = round(seconds * FPS)
    generator = np.random.default_rng(seed)
    phase, rate = generator.uniform(0, 6.3, (55, 3)), generator.uniform(0.3, 1.2, (55, 3))
    clock = np.arange(frames)[:, None, None] / FPS
    angles = 0.35 * np.sin(2 * np.pi * rate * clock + phase)
    angles[:, 0, [0, 2]] *= 0.2
    skeleton = default_skeleton()
    path = np.stack((np.sin(clock[:, 0, 0]), np.zeros(frames), np.cos(0.7 * clock[:, 0, 0])), axis=1)
    beats = np.arange(0, seconds, 0.5)
    return MotionClip(
        clip_id=f"swaying-{seed}",
        skeleton=skeleton,
        fps=FPS,
        root_position=(path + skeleton.offsets[0]).astype(np.float32),
        joint_rotation=rotation.from_axis_angle(angles).astype(np.float32),
        music=MusicTrack(path=str(song), beats=beats, downbeats=beats[::4], tempo_bpm=120.0),
    )


def reference_load() -> float:
    """Seconds of the reference load."""
    matrix = np.random.default_rng(0).random((300, 300))
    begun = time.perf_counter()
    for _ in range(20):
        matrix @ matrix
    return time.perf_counter() - begun


def measure(frames: int, work: Callable[[], Any]) -> Measured:
    """Time one drawing of `frames` frames."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Measured(frames, time.perf_counter() - wall, time.process_time() - processor)


def cases(seconds: float, song: Path, folder: Path) -> Iterator[tuple[str, int, Callable[[], int]]]:
    """Name, number of frames and work of each kind of output."""
    from infinitedance_cli.stages.render.config import RenderConfig
    from infinitedance_cli.stages.render.destination import find_destination
    from infinitedance_cli.stages.render.stage import render

    clip = swaying_clip(seconds, song)
    four = [replace(swaying_clip(seconds / 2, song, seed)) for seed in range(4)]

    def drawing(name: str, clips: list[MotionClip], **settings: Any) -> Callable[[], int]:
        config = RenderConfig(**settings)
        return lambda: render(clips, find_destination(str(folder / name), config, force=True), config)

    yield "720p video with song", clip.frames, drawing("a.mp4", [clip])
    yield "720p, beats and contacts", clip.frames, drawing("b.mp4", [clip], beats=True, contacts=True)
    yield "720p, stick figure", clip.frames, drawing("c.mp4", [clip], style="skeleton")
    yield "720p, grid of four", clip.frames // 2, drawing("d.mp4", four, grid=True)
    yield "contact sheet", round(2 * seconds), drawing("e.png", [clip])
    short = swaying_clip(2.0, song)
    for control in ("dwpose", "depth", "normal", "densepose-like"):
        work = drawing(f"{control}.mp4", [short], control=control, size=(512, 768), music="none")
        yield f"512x768 {control}", short.frames, work


def main() -> None:
    """Print a line for each kind of output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--cores", type=int, help="keep to this many cores")
    parser.add_argument("--song", type=Path, default=SONG)
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
        os.environ["LP_NUM_THREADS"] = str(options.cores)
    cores = len(os.sched_getaffinity(0))
    reference_load()
    before = reference_load()
    print(f"{cores} core(s); reference load {before * 1e3:.1f} ms; target {TARGET_FPS:g} frames/s at 720p on 2 cores")
    with tempfile.TemporaryDirectory() as folder:
        for name, frames, work in cases(options.seconds, options.song, Path(folder)):
            found = measure(frames, work)
            each = found.wall_s / frames
            print(
                f"{name:28s} {1 / each:7.1f} frames/s   {each * 1e3:6.1f} ms, processor "
                f"{found.processor_s / frames * 1e3:6.1f} ms a frame = {each / before:5.2f} reference loads"
            )
    print(f"reference load at the end {reference_load() * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
