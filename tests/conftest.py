"""Fixtures that all tests share: the command line in a process of its own, and inside this one."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from infinitedance_cli import log, weights
from infinitedance_cli.errors import MissingResource

REPOSITORY = Path(__file__).parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests that run side by side share the cores: with threads of their own they would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would the processes that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


class RunIdance(Protocol):
    def __call__(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]: ...


@pytest.fixture
def run_idance() -> RunIdance:
    """Run `idance` in a real process and return its exit code, stdout and stderr (bytes)."""

    def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "infinitedance_cli", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(REPOSITORY)} | options.pop("env", {})
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.run(command, env=environment, timeout=120, check=False, **options)

    return run


@pytest.fixture(scope="session")
def blazepose() -> Path:
    """The folder of the BlazePose models, fetched as a first capture fetches them where they are not here yet."""
    try:
        return weights.require("blazepose")
    except MissingResource as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _logging_is_restored() -> Iterator[None]:
    """What `log.configure` set up in one test is gone in the next."""
    root, ours, warned = (logging.getLogger(name) for name in ("", "infinitedance_cli", "py.warnings"))
    before = (list(root.handlers), root.level, ours.level, warned.level, log.verbosity())
    yield
    root.handlers[:] = before[0]
    for logger, level in zip((root, ours, warned), before[1:4], strict=True):
        logger.setLevel(level)
    logging.captureWarnings(False)
    log._State.verbosity = before[4]
