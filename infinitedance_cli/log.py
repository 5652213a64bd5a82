"""Messages and progress for people, all on stderr; stdout belongs to data.

Modules log to `logging.getLogger(__name__)`: `info` for the few lines a user wants to see (the device that was picked,
a genre that was mapped), `warning` for what may spoil the result, `debug` for the rest. Only the command line calls
`configure`; as a library the package logs like any other and shows nothing of its own accord.
"""

from __future__ import annotations

import enum
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TextIO, TypeVar

Item = TypeVar("Item")

_PACKAGE = "infinitedance_cli"


class Verbosity(enum.Enum):
    """How much is said: `QUIET` warnings only, `NORMAL`, `VERBOSE` our debug lines, `DEBUG` also other libraries'."""

    QUIET = logging.WARNING
    NORMAL = logging.INFO
    VERBOSE = logging.DEBUG
    DEBUG = logging.DEBUG - 1


class Advance(Protocol):
    """Tell a progress bar that `count` more units are done."""

    def __call__(self, count: int = 1) -> None:
        """Count on."""
        ...


class _State:
    """What `configure` was told; the one piece of process-wide state, because logging is process-wide too."""

    verbosity = Verbosity.NORMAL
    command = "idance"
    has_terminal = True


class _Handler(logging.StreamHandler[TextIO]):
    """Writes one line per record to whatever stderr is at that moment, above a progress bar where one is shown."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if "tqdm" not in sys.modules:
            super().emit(record)
            return
        from tqdm import tqdm

        with tqdm.external_write_mode(file=sys.stderr):
            super().emit(record)


class _Formatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__()
        self._start = time.monotonic()

    def format(self, record: logging.LogRecord) -> str:
        """`idance generate: warning: message`; with the elapsed time and the module for the verbose."""
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        if _State.verbosity.value > logging.DEBUG:
            return f"{_State.command}: {level}{message}"
        return f"{_State.command} {time.monotonic() - self._start:7.2f}s {record.name}: {level}{message}"


def configure(verbosity: Verbosity = Verbosity.NORMAL, command: str = "idance") -> None:
    """Send log records to stderr, one line each, starting with the `command`. May be called again to change either."""
    _State.verbosity, _State.command = verbosity, command
    root = logging.getLogger()
    if not any(isinstance(handler, _Handler) for handler in root.handlers):
        handler = _Handler()
        handler.setFormatter(_Formatter())
        root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbosity is Verbosity.DEBUG else logging.WARNING)
    logging.getLogger(_PACKAGE).setLevel(max(verbosity.value, logging.DEBUG))
    # Warnings of libraries tell a user nothing to act on; whoever debugs wants them.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(
        logging.WARNING if verbosity.value <= logging.DEBUG else logging.CRITICAL + 1
    )


def verbosity() -> Verbosity:
    """How much the user wants to see."""
    return _State.verbosity


class _Collector(logging.Handler):
    """Keeps records as texts that another process can log."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Said] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self.records.append(Said(record.name, record.levelno, record.getMessage()))


@dataclass(frozen=True)
class Said:
    """A log record of another process."""

    name: str
    level: int
    message: str

    def repeat(self) -> None:
        """Log it in this process."""
        logging.getLogger(self.name).log(self.level, "%s", self.message)


def collect(level: Verbosity) -> list[Said]:
    """Keep what is logged from now on in the list that is returned, instead of showing it; no progress is shown. For a
    worker, whose terminal is somebody else's."""
    configure(level)
    _State.has_terminal = False
    root, collector = logging.getLogger(), _Collector()
    root.handlers[:] = [collector]
    return collector.records


def progress_is_shown() -> bool:
    """True where stderr is a terminal that is this process's own, and the user did not ask for quiet."""
    return _State.has_terminal and sys.stderr.isatty() and _State.verbosity is not Verbosity.QUIET


def progress(items: Iterable[Item], label: str, *, total: int | None = None, unit: str = "clip") -> Iterator[Item]:
    """Pass the items on, with a bar on stderr that counts them where one is shown.

    `total` is `len(items)` where that exists; without a total the bar shows the count and the rate only.
    """
    if not progress_is_shown():
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, total=total, **_bar_options(label, unit))


@contextmanager
def progress_bar(label: str, total: int | None, *, unit: str = "frame") -> Iterator[Advance]:
    """A bar for work that is not a loop over items: call the yielded function with the number of units done.

    The unit "B", bytes, is shown as kB and MB.
    """
    if not progress_is_shown():
        yield lambda count=1: None
        return
    from tqdm import tqdm

    bar: tqdm[NoReturn]
    with tqdm(total=total, **_bar_options(label, unit)) as bar:

        def advance(count: int = 1) -> None:
            bar.update(count)

        yield advance


def _bar_options(label: str, unit: str) -> dict[str, Any]:
    options = {"desc": label, "unit": f" {unit}", "file": sys.stderr, "leave": False, "dynamic_ncols": True}
    return {**options, "unit": unit, "unit_scale": True} if unit == "B" else options
