"""How long `idance --help` takes, from the start of the process to its end; target 0.4 s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 20
TARGET_S = 0.4


def start_times() -> list[float]:
    """Seconds of each run, the first (cold) one left out."""
    seconds = []
    for _ in range(RUNS + 1):
        before = time.perf_counter()
        subprocess.run([sys.executable, "-m", "infinitedance_cli", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - before)
    return seconds[1:]


if __name__ == "__main__":
    median = statistics.median(start_times())
    print(f"| `idance --help`, median of {RUNS} runs | {median:.2f} s | ≤ {TARGET_S} s |")
    sys.exit(median > TARGET_S)
