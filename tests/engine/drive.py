"""A command with a stage of the tests: `python -m tests.engine.drive IN OUT NOTES WHERE JOBS SECONDS [CLIP=FAULT]…`."""

from __future__ import annotations

import sys
from pathlib import Path

from infinitedance_cli import log
from infinitedance_cli.engine.clips import run_over_clips
from infinitedance_cli.engine.placement import placement
from infinitedance_cli.errors import IdanceError
from tests.engine.stages import task


def main() -> None:
    source, output, notes, where, jobs, seconds, *faults = sys.argv[1:]
    log.configure(command="drive")
    named = dict(fault.split("=") for fault in faults)
    address, gpus = named.pop("address", None), named.pop("gpus", None)
    where_to = placement(where, int(jobs), address, float(gpus) if gpus else None)
    given = task(Path(notes), float(seconds), **named)
    try:
        run_over_clips([source], output, given, where_to)
    except IdanceError as error:
        sys.exit(_told(str(error), error.exit_code))
    except KeyboardInterrupt:
        sys.exit(_told("interrupted", 130))


def _told(line: str, code: int) -> int:
    sys.stderr.write(f"drive: error: {line}\n")
    return code


if __name__ == "__main__":
    main()
