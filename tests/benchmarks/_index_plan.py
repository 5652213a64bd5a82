"""What an index of a hundred million windows takes, computed from a measured one."""

from __future__ import annotations

import math
from typing import Any

COUNT = 100_000_000
MACHINES = (1, 16, 64)
SPARE_MEMORY = 0.5
"""Of a machine's memory, so much is left for the pages that searches touch and for everything else."""
GB_MONTH, CORE_HOUR, MEMORY_GB_HOUR = 0.10, 0.03, 0.004
"""Assumed prices in dollars of a GB of fast disk a month, a core an hour, a GB of memory an hour; put in your own."""
HOURS_A_MONTH = 730
_STRIDE_S = 8 * 4 / 30
"""A window begins every 8 steps of 4 frames at 30 a second."""


def plan(measured: dict[str, Any], count: int = COUNT) -> str:
    """A table for `count` windows over 1, 16 and 64 machines, each with a share of the windows and 2 cores.

    Bytes grow with the entries, the centres of the lists with their root. A search compares the query with all centres
    (√N), and looks into the measured share of the lists' entries or into the measured number of lists, which hold √N
    entries each: the table has the latter, as the least that can be hoped for, and the former as the most. All of a
    shard's codes in memory is the memory that is wanted; vectors stay on disk, and `depth` of them are read.
    """
    entries, built_s = measured["entries"], measured["built_s"]
    searcher = measured["files"].get("searcher.faiss", 0) / entries
    disk = sum(measured["files"].values()) / entries
    search_s = measured["figures"]["fresh draws"]["cpu_s"]
    lines = [
        f"{count:,} windows are {count * _STRIDE_S / 3600:,.0f} h of dance at a window every {_STRIDE_S:.2f} s.",
        "",
        "| machines | windows each | lists | disk each | codes in memory each | build each | search | cost a month |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for machines in MACHINES:
        own = count / machines
        more = own / entries
        memory_gb, disk_gb = own * searcher / 1e9, own * disk / 1e9
        build_h = built_s / 3600 * more * (1 + math.sqrt(more)) / 2
        cost = machines * (
            disk_gb * GB_MONTH
            + memory_gb / SPARE_MEMORY * MEMORY_GB_HOUR * HOURS_A_MONTH
            + 2 * CORE_HOUR * HOURS_A_MONTH
        )
        low, high = 1e3 * search_s * math.sqrt(more), 1e3 * search_s * more
        lines.append(
            f"| {machines} | {own / 1e6:.2f} M | {4 * math.sqrt(own):,.0f} | {disk_gb:.1f} GB | {memory_gb:.2f} GB | "
            f"{build_h:.2g} core-h | {low:.0f} to {high:.0f} ms | ${cost:,.0f} |"
        )
    return "\n".join(lines)
