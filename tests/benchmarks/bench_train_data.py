"""Reading training windows from shards: memory and windows a second at 20,000 and 100,000 clips, and the part of the
time that loaders hide.

    python -m tests.benchmarks.bench_train_data [CLIPS …]
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from infinitedance_cli.stages.train.augment import AugmentConfig
from infinitedance_cli.stages.train.batches import Pass, Plan, batches
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.shards import ShardClips
from infinitedance_cli.stages.train.streamed import StreamedFeatures
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import facts_of
from infinitedance_cli.stream.shard_writer import ShardWriter
from tests.motion.samples import wandering_clip

_FRAMES, _WINDOW, _BATCH, _STEPS = 60, 32, 32, 8


def main(counts: list[int]) -> None:
    """One line for each number of clips."""
    clip = wandering_clip(_FRAMES, 0, 22)
    image, facts = encode(clip), facts_of(clip)
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            with ShardWriter(Path(folder) / "clips") as writer:
                for _ in range(count):
                    writer.add(image, facts)
            _measure(Path(folder) / "clips", count)


class _Recipe:
    def __init__(self, features: StreamedFeatures) -> None:
        self.features = features

    def batch(self, where: Pass) -> dict[str, torch.Tensor]:
        """Windows of features."""
        return {"features": torch.from_numpy(self.features.windows(where))}


def _measure(folder: Path, count: int) -> None:
    before, start = _memory_mb(), time.perf_counter()
    clips = ShardClips([folder])
    opened = time.perf_counter() - start
    features = StreamedFeatures(clips, clips.train, "paper-259", AugmentConfig(), 0, _WINDOW)
    start = time.perf_counter()
    for step in range(_STEPS):
        features.windows(Pass(step, _BATCH, first=step * _BATCH))
    reading = (time.perf_counter() - start) / _STEPS
    start = time.perf_counter()
    for step in range(200):
        features.order.slots(np.arange(_BATCH, dtype=np.int64) + step * _BATCH)
    ordering = (time.perf_counter() - start) / 200
    print(
        f"{count:>7} clips: opened in {opened:.1f} s, {_memory_mb() - before:.1f} MB of its own; "
        f"{_BATCH / reading:.0f} windows/s, of which the order takes {ordering / reading:.1%}; "
        f"waiting {_waiting(features, reading):.0%} of a step of the same length with one loader"
    )


def _waiting(features: StreamedFeatures, compute: float) -> float:
    """Share of the time that a step which computes (here: sleeps) as long as reading takes waits for its batch."""
    waited = 0.0
    source = batches(_Recipe(features), Plan(LoopConfig(steps=2 * _STEPS, batch_size=_BATCH, loaders=1), 0, 0, 0, 1))
    next(source)
    begun = time.perf_counter()
    for _ in range(_STEPS):
        time.sleep(compute)
        start = time.perf_counter()
        next(source)
        waited += time.perf_counter() - start
    return waited / (time.perf_counter() - begun)


def _memory_mb() -> float:
    """Memory that is this process's alone; mapped files belong to all and can be dropped at any time."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1000


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [20_000, 100_000])
