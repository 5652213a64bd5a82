"""The retrieval index at scale: recall, latency, memory, growth, and a plan for a hundred million windows.

`python -m tests.benchmarks.bench_index [ENTRIES] [--json FILE]`; a million entries take minutes to build. Two kinds of
made-up entries: mixtures of the starter's own embeddings, spread as these are, in 256 channels; and overlapping
clusters. They are searched with fresh draws, and the first also with queries that lie off the entries, as music does
(an offset that all have in common). What is found is compared with all entries in single precision.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.dance_index.folder import FolderIndex
from infinitedance_cli.models.dance_index.settling import advice, drift_of
from infinitedance_cli.models.dance_index.writer import IndexWriter
from tests.benchmarks._index_entries import (
    GENRES,
    PER_CLIP,
    SIZE,
    STRIDE,
    Draw,
    clips_of,
    clustered,
    off_the_entries,
    starter_like,
)
from tests.benchmarks._index_plan import plan

ENTRIES, QUERIES, NEAREST = 1_000_000, 200, 10
TARGET_S, TARGET_RECALL, ADDED_SHARE = 0.005, 0.95, 0.02
DETAILS = {"codebook_sha256": "0" * 64}


@dataclass(frozen=True)
class Figures:
    """Median and 95th percentile of seconds a search, the median of its processor time, and recall.

    On a machine that does other things, only the processor time says something of the search.
    """

    cpu_s: float
    median_s: float
    slow_s: float
    recall: float


def measured(
    index: FolderIndex,
    rows: NDArray[np.float32],
    names: dict[str, int],
    queries: NDArray[np.float32],
    genre: str | None = None,
) -> Figures:
    """Search for each query alone, as generating does, and compare with every entry; with a genre, without one clip."""
    allowed = np.ones(len(rows), bool)
    if genre:
        for clip in index.clips:
            first = names[clip.clip_id] * PER_CLIP
            allowed[first : first + PER_CLIP] = clip.genre == genre and clip.clip_id != "clip7"
    places = np.flatnonzero(allowed)
    true = np.zeros((len(queries), NEAREST), np.int64)
    best = np.full((len(queries), NEAREST), -np.inf, np.float32)
    for first in range(0, len(places), 100_000):
        part = places[first : first + 100_000]
        scores = np.concatenate((best, queries @ rows[part].T), 1)
        numbers = np.concatenate((true, np.broadcast_to(part, (len(queries), len(part)))), 1)
        kept = np.argpartition(-scores, NEAREST - 1, 1)[:, :NEAREST]
        best, true = np.take_along_axis(scores, kept, 1), np.take_along_axis(numbers, kept, 1)
    seconds, processor, right = [], [], 0
    clip_ids: dict[int, int] = {}
    for query, wanted in zip(queries, true, strict=True):
        before, used = time.perf_counter(), time.process_time()
        (hits,) = index.search(query[None], NEAREST, genre=genre, without={"clip7"} if genre else ())
        seconds.append(time.perf_counter() - before)
        processor.append(time.process_time() - used)
        for hit in hits:
            if hit.clip not in clip_ids:
                clip_ids[hit.clip] = names[index.clips[hit.clip].clip_id]
        found = {clip_ids[hit.clip] * PER_CLIP + hit.start_step // STRIDE for hit in hits}
        right += len(found & set(wanted.tolist()))
    slow = float(np.quantile(seconds, 0.95))
    return Figures(statistics.median(processor), statistics.median(seconds), slow, right / NEAREST / len(queries))


_OPENING = """
import json, sys, time
from pathlib import Path
import numpy as np
from infinitedance_cli.models.dance_index import load_index
import infinitedance_cli.models.dance_index.folder, faiss
def memory():
    lines = dict(l.split(":") for l in open("/proc/self/status") if l.startswith("Rss"))
    return {k: int(v.split()[0]) / 1024 for k, v in lines.items()}
before, start = memory(), time.perf_counter()
index = load_index(Path(sys.argv[1]))
opened = time.perf_counter() - start
after = memory()
queries = np.load(sys.argv[2])
start = time.perf_counter()
index.search(queries[:1], 10)
first = time.perf_counter() - start
one = memory()
for query in queries:
    for hit in index.search(query[None], 10)[0]:
        index.codes(hit)
print(json.dumps({"open_s": opened, "first_s": first, "before": before, "opened": after, "one": one, "all": memory()}))
"""


def opening(folder: Path, queries: NDArray[np.float32]) -> dict[str, float]:
    """Seconds to open and to search once in a new process, and MB that opening and searching add to it."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, queries)
        file.flush()
        command = [sys.executable, "-c", _OPENING, str(folder), file.name]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    own = {step: found[step]["RssAnon"] - found["before"]["RssAnon"] for step in ("opened", "all")}
    mapped = {step: found[step]["RssFile"] - found["before"]["RssFile"] for step in ("opened", "all")}
    return {
        "open_s": found["open_s"],
        "first_s": found["first_s"],
        "opened_own_mb": own["opened"],
        "opened_mapped_mb": mapped["opened"],
        "searched_own_mb": own["all"],
        "searched_mapped_mb": mapped["all"],
    }


def say(name: str, value: str, target: str = "") -> None:
    print(f"| {name} | {value} | {target} |", flush=True)


def scan_s(rows: NDArray[np.float32], query: NDArray[np.float32]) -> float:
    """Processor seconds of comparing one query with all entries."""
    seconds = []
    for _ in range(5):
        before = time.process_time()
        np.argpartition(-(rows @ query), NEAREST)[:NEAREST]
        seconds.append(time.process_time() - before)
    return min(seconds)


def grown(folder: Path, rows: NDArray[np.float32], first: int) -> tuple[FolderIndex, float]:
    """The index with these entries, and the processor seconds that it took."""
    before = time.process_time()
    with IndexWriter(folder, 96, DETAILS, grow=first > 0) as writer:
        for clip in clips_of(rows, first):
            writer.add(clip)
        index = writer.finish()
    return index, time.process_time() - before


def one_kind(name: str, draw: Draw, other: Draw, count: int, folder: Path) -> dict[str, object]:
    """Build, open, search and grow an index of one kind of entries; prints a table and returns what the plan needs."""
    random = np.random.default_rng(0)
    added = max(PER_CLIP, int(count * ADDED_SHARE) // PER_CLIP * PER_CLIP)
    rows, queries = draw(count + added, random), draw(QUERIES, random)
    index, built_s = grown(folder, rows[:count], 0)
    names = {f"clip{number}": number for number in range(len(rows) // PER_CLIP)}
    own = index.manifest.segments[0].parameters
    say(
        f"{count:,} × {SIZE}, {name}: built",
        f"{built_s:.0f} s of processor time, {1e6 * built_s / count:.0f} µs a window",
    )
    say("parameters", json.dumps({key: value for key, value in vars(own).items() if value}))
    say(
        "recall@10 stated by the build, without and with a genre",
        f"{index.manifest.recall:.3f}, {index.manifest.filtered_recall:.3f}",
        f"≥ {TARGET_RECALL}",
    )
    files = index.manifest.segments[0].files
    say("bytes a window", ", ".join(f"{file} {size / count:.0f}" for file, size in files.items()))
    figures = searched(index, rows[:count], names, queries, music=name == "starter")
    memory = opening(folder, queries)
    say("open, first search", f"{1e3 * memory['open_s']:.0f} ms, {1e3 * memory['first_s']:.0f} ms")
    say("memory after opening: own, mapped", f"{memory['opened_own_mb']:.0f} MB, {memory['opened_mapped_mb']:.0f} MB")
    say(
        f"memory after {QUERIES} searches: own, mapped",
        f"{memory['searched_own_mb']:.0f} MB, {memory['searched_mapped_mb']:.0f} MB of {sum(files.values()) / 1e6:.0f}",
    )
    add(folder, rows, queries, names, count, built_s, other(added, random))
    return {
        "entries": count,
        "built_s": built_s,
        "files": files,
        "memory": memory,
        "figures": {kind: vars(value) for kind, value in figures.items()},
        "lists": own.lists,
        "breadth": own.breadth,
        "depth": own.depth,
    }


def searched(
    index: FolderIndex, rows: NDArray[np.float32], names: dict[str, int], queries: NDArray[np.float32], *, music: bool
) -> dict[str, Figures]:
    """Search all, and within genres; with `music` also for queries that lie off the entries."""
    kinds: dict[str, tuple[NDArray[np.float32], str | None]] = {
        "fresh draws": (queries, None),
        "the commonest genre, without a clip": (queries, GENRES[0]),
        "a middling genre, without a clip": (queries, GENRES[9]),
        "the rarest genre, without a clip": (queries, GENRES[-1]),
    }
    if music:
        kinds["queries off the entries"] = (off_the_entries(queries), None)
        kinds["queries off the entries, a middling genre"] = (off_the_entries(queries), GENRES[9])
    scan, figures = scan_s(rows, queries[0]), {}
    for kind, (asked, genre) in kinds.items():
        found = figures[kind] = measured(index, rows, names, asked, genre)
        say(
            f"search, {kind}: processor time, median, 95 %, recall@10, times faster than comparing all",
            f"{1e3 * found.cpu_s:.2f} ms, {1e3 * found.median_s:.2f} ms, {1e3 * found.slow_s:.2f} ms, "
            f"{found.recall:.3f}, {scan / found.cpu_s:.0f}×",
            f"≤ {1e3 * TARGET_S:.0f} ms at ≥ {TARGET_RECALL}",
        )
    return figures


def add(
    folder: Path,
    rows: NDArray[np.float32],
    queries: NDArray[np.float32],
    names: dict[str, int],
    count: int,
    built_s: float,
    others: NDArray[np.float32],
) -> None:
    """Grow the index by the rows that it lacks, search again, and grow it by entries of another kind."""
    added = len(rows) - count
    index, added_s = grown(folder, rows[count:], count // PER_CLIP)
    found = measured(index, rows, names, queries)
    say(
        f"{added:,} windows added",
        f"{added_s:.1f} s with measuring recall, {added_s / built_s:.2f} of the build",
        "no rebuild",
    )
    say(
        "search after that: processor time, recall@10",
        f"{1e3 * found.cpu_s:.2f} ms, {found.recall:.3f}",
        f"≥ {TARGET_RECALL}",
    )
    index, _ = grown(folder, others, len(rows) // PER_CLIP)
    lists = [segment for segment in index.segments if segment.entry.parameters.kind == "lists"]
    say(
        "the same of other entries: drift, stated recall@10, advice",
        f"{drift_of(lists):.2f}, {index.manifest.recall:.3f}, {advice(index) or 'none'}",
    )


def main(count: int, names: Sequence[str], target: Path | None, place: Path | None) -> None:
    """Print the tables; a machine that does other things meanwhile is slower, and so is what it is compared with."""
    say("figure", "value", "target")
    print("|---|---|---|")
    kinds, results = {"starter": starter_like(), "clusters": clustered()}, {}
    for name in names or kinds:
        draw, other = kinds[name], kinds["clusters" if name == "starter" else "starter"]
        with tempfile.TemporaryDirectory(dir=place) as folder:
            results[name] = one_kind(name, draw, other, count, Path(folder) / "index")
    for found in results.values():
        print(plan(found))
    if target:
        target.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("entries", nargs="?", type=int, default=ENTRIES)
    parser.add_argument("--kind", action="append", choices=("starter", "clusters"), help="only these entries")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--place", type=Path, help="folder for the indices (default: the system's temporary one)")
    chosen = parser.parse_args()
    main(chosen.entries, chosen.kind or (), chosen.json, chosen.place)
