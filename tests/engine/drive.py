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
    given = task(Path(notes), float(seconds), **dict(fault.split("=") for fault in faults))
    try:
        run_over_clips([source], output, given, placement(where, int(jobs), None, None))
    except IdanceError as error:
        sys.exit(_told(str(error), error.exit_code))
    except KeyboardInterrupt:
        sys.exit(_told("interrupted", 130))


def _told(line: str, code: int) -> int:
    sys.stderr.write(f"drive: error: {line}\n")
    return code


if __name__ == "__main__":
    main()
