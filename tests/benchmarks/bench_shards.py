"""A hundred thousand small clips in a folder of shards: memory to list them, and time to read any one of them.

Clips are those of a second of motion, each with a name, a song and a performer of its own; what is written is the same
image with another name. `python -m tests.benchmarks.bench_shards FOLDER [CLIPS]`; the folder is made where it is not
there, 3.5 GB for a hundred thousand.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from infinitedance_cli.motion.clip import Group, Labels, MusicTrack
from infinitedance_cli.motion.genres import GENRES
from infinitedance_cli.stream.codec import decode, encode
from infinitedance_cli.stream.facts import ClipFacts, facts_of
from infinitedance_cli.stream.shard_writer import ShardWriter
from infinitedance_cli.stream.shards import ShardFolder

CLIPS, FRAMES, READS = 100_000, 30, 2_000
SHARD_BYTES = 250_000_000
TARGET_MB, TARGET_MS = 300, 1.0
NAME = "clip-0000000"


def images(count: int) -> Iterator[tuple[bytes, ClipFacts]]:
    """Images that differ in their names, which have one length."""
    from tests.stream.clips import small_clip

    genres = list(GENRES)
    attributes = {"name": "made up", "licence": "CC0", "performer": "dancer 12", "recording": "ab" * 32}
    clip = replace(
        small_clip(NAME, frames=FRAMES),
        labels=Labels("salsa"),
        music=MusicTrack(sha256="cd" * 32),
        extra={"dataset": Group({}, attributes), "capture": Group({}, {"jitter_m_s3": 20.0, "visible_share": 0.9})},
    )
    image, facts = encode(clip), facts_of(clip)
    assert image.count(NAME.encode()) == 1
    for number in range(count):
        name = f"clip-{number:07d}"
        changed = replace(facts, clip_id=name, genre=genres[number % len(genres)], song=f"{number // 3:064x}")
        yield image.replace(NAME.encode(), name.encode()), changed


def write(folder: Path, count: int) -> None:
    """Write the clips, and say how fast that went."""
    before = time.perf_counter()
    with ShardWriter(folder, SHARD_BYTES) as writer:
        for image, facts in images(count):
            writer.add(image, facts)
    seconds = time.perf_counter() - before
    print(f"| {count:,} clips written | {count / seconds:,.0f} clips/s, {seconds:.0f} s | |")


def peak_mb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def list_all(folder: Path) -> None:
    """List and add up everything, as `idance dataset stats` does."""
    from infinitedance_cli.stages.dataset.sources import list_facts
    from infinitedance_cli.stages.dataset.stats import statistics_of

    empty = peak_mb()
    before = time.perf_counter()
    found = statistics_of(list_facts([str(folder)]))
    seconds = time.perf_counter() - before
    print(
        f"| {found.clips:,} clips listed and added up: memory | {peak_mb():.0f} MB ({empty:.0f} MB before), "
        f"{seconds:.1f} s | ≤ {TARGET_MB} MB |"
    )
    before = time.perf_counter()
    index = ShardFolder(folder).index
    first = time.perf_counter()
    assert index.find(f"clip-{found.clips // 2:07d}") == found.clips // 2
    print(f"| opening the index; first search by name | {1000 * (first - before):.1f} ms; ", end="")
    print(f"{1000 * (time.perf_counter() - first):.0f} ms | |")


def read_any(folder: Path) -> None:
    """Read clips in random order twice: the second time they are warm."""
    shards = ShardFolder(folder)
    numbers = np.random.default_rng(0).integers(len(shards), size=READS).tolist()
    for kind in ("first", "warm"):
        found = []
        for number in numbers:
            before = time.perf_counter()
            image = shards.image(number)
            found.append(1000 * (time.perf_counter() - before))
        worst = float(np.percentile(found, 99))
        print(
            f"| random access, {kind} time: median, 99 of 100, of {READS:,} in {len(shards):,} "
            f"({len(image) / 1000:.0f} kB, hash checked) | {statistics.median(found):.3f} ms, {worst:.3f} ms | "
            f"{f'≤ {TARGET_MS:g} ms' if kind == 'warm' else ''} |"
        )
    before = time.perf_counter()
    for number in numbers[:200]:
        decode(shards.image(number), "clip")
    print(f"| the same and decoding | {5 * (time.perf_counter() - before):.2f} ms | |")


def main(folder: Path, count: int) -> None:
    """Each measure in a process of its own, so that memory is that of the one."""
    if not folder.exists():
        write(folder, count)
    for part in ("list", "read"):
        subprocess.run([sys.executable, "-m", __spec__.name, str(folder), part], check=True)


if __name__ == "__main__":
    if sys.argv[2:] == ["list"]:
        list_all(Path(sys.argv[1]))
    elif sys.argv[2:] == ["read"]:
        read_any(Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else CLIPS)
