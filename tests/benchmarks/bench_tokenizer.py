"""What the tokeniser loses of held-out clips: joint error about the pelvis and jitter, by source; refined codes or not.

python -m tests.benchmarks.bench_tokenizer DATA [--tokenizer starter] [--refine 0 20]

DATA is the folder of recordings, or an .h5 of clips prepared from it. Held-out clips are whole recordings that no
network was trained on. The speed is that of encoding, decoding and comparing.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from infinitedance_cli.models.bundle import load_part
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.tokenize.config import TokenizeConfig
from infinitedance_cli.stages.tokenize.statistics import ClipFigures, measure
from infinitedance_cli.starter.prepare import prepared_clips
from infinitedance_cli.stream.ports import read_clips

_LEAST_FRAMES = 9


def held_out(path: Path) -> Iterator[tuple[str, MotionClip]]:
    """Held-out clips with their source; break dance of CMU, mostly upside down, stands by itself."""
    for clip in prepared_clips(path) if path.is_dir() else read_clips([str(path)]):
        dataset = clip.extra["dataset"].attributes
        if dataset["split"] != "train" and clip.frames >= _LEAST_FRAMES:
            source, genre = str(dataset["source"]), clip.labels.genre if clip.labels else ""
            yield (f"{source}, breaking" if source == "cmu_mocap" and genre == "breaking" else source), clip


def row(name: str, figures: list[ClipFigures]) -> str:
    """A line of the table; clips weigh by their frames."""
    frames = [clip.frames for clip in figures]
    error = np.average([clip.mpjpe_mm for clip in figures], weights=frames)
    jitter = np.average([clip.jitter_ratio or 1.0 for clip in figures], weights=frames)
    return f"{name:24s} {sum(frames) / 1800:5.2f} min   {error:6.1f} mm   jitter {jitter:.2f} × real"


def main() -> None:
    """Print a table for every number of refining passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tokenizer", default="starter")
    parser.add_argument("--refine", type=int, nargs="+", default=[0, TokenizeConfig.refine])
    arguments = parser.parse_args()
    tokenizer = load_part(arguments.tokenizer, "tokenizer", Tokenizer)
    clips = list(held_out(arguments.data))
    for passes in arguments.refine:
        started = time.monotonic()
        found = measure((clip for _, clip in clips), tokenizer, TokenizeConfig(refine=passes))
        seconds = time.monotonic() - started
        print(f"{passes} refining passes, {found.total.frames / 30 / seconds:.0f} × real time")
        by_source: dict[str, list[ClipFigures]] = defaultdict(list)
        for (source, _), figures in zip(clips, found.clips, strict=True):
            by_source[source].append(figures)
        for source, rows in by_source.items():
            print(row(source, rows))
        print(row("all (≤ 30 mm, ≤ 1.3 ×)", [found.total]))


if __name__ == "__main__":
    main()
