"""Run a repository of research code from a worker, and say in one line what it lacks.

This file stands alone: it needs nothing but Python 3.8 and imports nothing of idance. idance puts its folder on the
path of the workers of capture, so such a worker is::

    import research_code

    def work():
        research_code.require_gpu()
        research_code.run(["tools/demo/demo.py", "--video", path], folder / "result.pt")

    research_code.main(work)

Its result is a file; nothing goes over stdout. Exit codes are those that idance expects of a worker: 4 something has to
be installed or downloaded, 5 the work failed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

MISSING, FAILED = 4, 5
_LINES_KEPT = 200

# What research code dies of, by its last words: (pattern, exit code, line for the user).
_CAUSES = (
    (
        r"No module named '?([\w.]+)'?",
        MISSING,
        "its environment has no module {0}; install the requirements of the repository there",
    ),
    (
        r"Error: (lib[\w.+-]+): cannot open shared object",
        MISSING,
        "the system library {0} is missing",
    ),
    (
        r"(?:No such file or directory:? |[Pp]ath )'?\"?([^'\"]+?\.\w+)'?\"?(?: does not exist)?[!.]?$",
        MISSING,
        "the file {0} is missing",
    ),
    (
        r"CUDA out of memory|OutOfMemoryError|CUDNN_STATUS_ALLOC_FAILED",
        FAILED,
        "the memory of the GPU ran out; take a shorter or smaller video (--set picture_side=720)",
    ),
    (
        r"No CUDA GPUs are available|not compiled with CUDA|Found no NVIDIA driver|CUDA driver version is insufficient"
        r"|no CUDA-capable device",
        MISSING,
        "it needs an NVIDIA GPU with a driver that its torch knows, and there is none",
    ),
)


class Stopped(Exception):
    """Ends the worker with this exit code and one line for the user."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(work: Callable[[], None]) -> None:
    """Do the work and end the process; what is written to stdout goes to stderr, which is idance's log."""
    os.dup2(2, 1)
    code = 0
    try:
        work()
    except Stopped as error:
        say("error", str(error))
        code = error.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # GPU libraries are known to crash while they are taken down, when all work is done


def say(level: str, message: str) -> None:
    """Write a line to idance's log; `level` is debug, info, warning or error."""
    print(f"{level}: {' '.join(message.split())}", file=sys.stderr, flush=True)  # noqa: T201 (it is the log)


def repository() -> Path:
    """The folder of the research code, from the user's settings of this worker."""
    return Path(os.environ["IDANCE_WORKER_REPOSITORY"])


def require_gpu() -> None:
    """Raise Stopped unless torch is there and sees a GPU."""
    try:
        import torch
    except ImportError as error:
        raise Stopped(MISSING, f"{sys.executable} cannot import torch ({error}); install it there") from error
    if not torch.cuda.is_available():
        raise Stopped(MISSING, f"it needs an NVIDIA GPU, and torch under {sys.executable} finds none")


def run(arguments: Sequence[str], *results: Path, name: str = "") -> None:
    """Run a script in the folder of the repository, under this interpreter, until it has written one of `results`.

    `name` of the script for messages; its path in the repository unless given.
    Raises Stopped with one line when it fails. One that fails after its result is there, such as while it draws a
    preview, has done what is wanted.
    """
    name = name or arguments[0]
    command = [sys.executable, "-u", *arguments]
    said = deque(maxlen=_LINES_KEPT)  # type: deque[str]
    with subprocess.Popen(
        command, cwd=str(repository()), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for piece in process.stdout:
            for line in re.split(r"[\r\n]+", piece.decode("utf-8", "replace")):
                if line.strip():
                    said.append(line.strip())
                    say("debug", line)
    if any(result.is_file() for result in results):
        if process.returncode != 0:
            say("warning", f"{name} found the motion and then failed: {said[-1] if said else 'no word'}")
        return
    if process.returncode == 0:
        raise Stopped(FAILED, f"{name} ended well but wrote no {results[0].name}")
    raise Stopped(*cause(name, process.returncode, list(said)))


def cause(script: str, returncode: int, said: Sequence[str]) -> tuple[int, str]:
    """(exit code, line for the user) for a script that died with these last words."""
    if returncode < 0:
        return FAILED, f"{script} was ended by {signal.Signals(-returncode).name}; is the memory enough?"
    for line in reversed(said):
        for pattern, code, message in _CAUSES:
            found = re.search(pattern, line)
            if found:
                return code, f"{script} stopped: {message.format(*found.groups())}"
        if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line):
            break  # the last exception is the one that counts
    last = next((line for line in reversed(said) if line), "it said nothing")
    return FAILED, f"{script} failed, exit code {returncode}: {last}"
