"""Peak memory of `imitate` and `restore-feet` on clips of one and of ten minutes.

python -m tests.benchmarks.bench_memory
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from infinitedance_cli.stream.ports import write_clips
from infinitedance_cli.testing import example_clip

_FRAMES_A_MINUTE = 1800


def main() -> None:
    """Print megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (1, 10):
            path = Path(folder) / f"minutes_{minutes}.h5"
            write_clips([example_clip(frames=_FRAMES_A_MINUTE * minutes)], str(path))
            for command in ("imitate", "restore-feet"):
                peak = _peak_mb([command, str(path), "-o", str(Path(folder) / f"{command}_{minutes}.h5")])
                print(f"{command:14s}{minutes:3d} min {peak:6.0f} MB")


def _peak_mb(arguments: list[str]) -> float:
    process = subprocess.Popen([sys.executable, "-m", "infinitedance_cli", *arguments, "--quiet"])
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"idance {arguments[0]} failed")
    return used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
