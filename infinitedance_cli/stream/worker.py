"""Workers: backends in another environment, run as a process that speaks the clip stream.

Isaac Gym wants Python 3.8, each research repository its own torch: none fits the user's environment. Such a backend is
a script that runs under the interpreter that the user names (see `worker_settings`), reads clips on its stdin and
arguments on its command line, and writes clips to its stdout by `worker_modules/clip_stream.py`, which idance puts on
its path. What it says on stderr goes to the log; what kills it becomes one line that says what to install::

    SPEC = WorkerSpec("gvhmr", script=Path(__file__).with_name("worker_script.py"), install="follow …/README.md")
    for clip in run_worker(SPEC, ["--video", "dance.mp4"]): ...

    with Worker(SPEC) as worker:            # kept for many clips, so that models are loaded once
        answer = worker.ask(clip)
"""

from __future__ import annotations

import os
import re
import signal
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal

from infinitedance_cli.errors import BadInput, IdanceError, MissingResource, StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream._worker_pipes import Event, WorkerProcess
from infinitedance_cli.stream.codec import decode, encode
from infinitedance_cli.stream.worker_settings import WorkerSettings, variable, worker_settings, workers_file

MODULES = Path(__file__).parent / "worker_modules"
"""The folder with `clip_stream.py`, and nothing else, for the worker's path."""

_LIBRARIES = {"numpy": "pip install numpy", "h5py": "pip install h5py"}
# Of the environment that idance runs in, and wrong for any other interpreter.
_OWN_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True)
class WorkerSpec:
    """A worker as its plug-in describes it.

    `name` in the user's settings; `script` to run; `install`, the end of a sentence that says how its environment is
    made; `needs`, which of the settings "repository" and "checkpoints" it cannot do without; `module_folders` beside
    `clip_stream` for its path; `libraries`, import names with the line that installs each in the worker's environment;
    `environment` variables that the user's settings may override.
    """

    name: str
    script: Path
    install: str
    needs: tuple[Literal["repository", "checkpoints"], ...] = ()
    module_folders: tuple[Path, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def check_worker(spec: WorkerSpec) -> WorkerSettings:
    """The user's settings of a worker, fit to start it. Starts nothing.

    Raises MissingResource that says what is missing and how to get it, ConfigError for a settings file in error.
    """
    settings = worker_settings(spec.name)
    for setting in ("python", *spec.needs):
        value = getattr(settings, setting)
        if not value:
            raise MissingResource(
                f"the worker '{spec.name}' runs in an environment of its own and no {setting} is named for it; "
                f"{spec.install}; then name it in {workers_file()} ({spec.name}: {{{setting}: PATH}}) "
                f"or in {variable(spec.name, setting)}"
            )
        if not Path(value).exists():
            raise MissingResource(
                f"the {setting} of the worker '{spec.name}', {value}, does not exist; correct it in {workers_file()} "
                f"or {variable(spec.name, setting)}, or {spec.install}"
            )
    if not os.access(settings.python, os.X_OK) or Path(settings.python).is_dir():
        raise MissingResource(
            f"the python of the worker '{spec.name}', {settings.python}, is no program that can be run; name an "
            f"interpreter, such as ENVIRONMENT/bin/python, in {workers_file()} or {variable(spec.name, 'python')}"
        )
    return settings


def run_worker(
    spec: WorkerSpec, arguments: Sequence[str] = (), clips: Iterable[MotionClip] = ()
) -> Iterator[MotionClip]:
    """Start a worker with these command-line arguments, feed it the clips, and yield those that it makes.

    A few clips are in memory at a time, however many there are. Leaving the iterator, by an error or an interruption,
    ends the worker. Raises MissingResource, BadInput or StageFailed with one line when the worker does not do its work.
    """
    with Worker(spec, arguments) as worker:
        for clip in clips:
            yield from worker.feed(clip)
        yield from worker.finish()


class Worker:
    """A running worker; leave its `with` block to end it. Not to be shared between threads.

    Raises MissingResource when it cannot be started. Its methods raise what `run_worker` raises.
    """

    def __init__(self, spec: WorkerSpec, arguments: Sequence[str] = ()) -> None:
        settings = check_worker(spec)
        self._spec, self._python, self._unsent = spec, settings.python, 0
        command = [settings.python, str(spec.script), *arguments]
        with _interrupts_wait():  # one between start and `finalize` would leave a process that nobody ends
            try:
                self._process = WorkerProcess(spec.name, command, _environment(spec, settings))
            except OSError as error:
                raise MissingResource(
                    f"the worker '{spec.name}' cannot be started with {settings.python} ({error.strerror or error}); "
                    f"name another interpreter in {workers_file()} or {variable(spec.name, 'python')}"
                ) from error
            # Ends the process also where nobody leaves the block: the worker is forgotten, or the interpreter ends.
            self.close = weakref.finalize(self, self._process.stop)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def feed(self, clip: MotionClip) -> Iterator[MotionClip]:
        """Send a clip and yield what comes back until it is sent."""
        self._send(clip)
        while self._unsent:
            yield from self._next(f"it had read clip {clip.clip_id}")

    def ask(self, clip: MotionClip) -> MotionClip:
        """Send a clip and wait for the one that answers it, which has to carry its name."""
        self._send(clip)
        answers: list[MotionClip] = []
        while self._unsent or not answers:
            answers += self._next(f"it had answered clip {clip.clip_id}")
        if [answer.clip_id for answer in answers] != [clip.clip_id]:
            names = ", ".join(answer.clip_id for answer in answers)
            raise StageFailed(
                f"the worker '{self._spec.name}' answered clip {clip.clip_id} by {names}; the worker is at fault: "
                "report it to its author"
            )
        return answers[0]

    def finish(self) -> Iterator[MotionClip]:
        """Tell the worker that there are no more clips and yield the rest; raises when it fails in the end."""
        self._process.end_input()
        while (event := self._process.events.get()).kind != "end":
            yield from self._received(event)
        if event.error is not None or self._process.returncode() != 0:
            raise self._failure(event, "it had made a clip")

    def wait(self) -> None:
        """Wait for the end of a worker whose result is files, not clips; raises when it fails."""
        self._process.end_input()
        while (event := self._process.events.get()).kind != "end":
            for clip in self._received(event):
                raise StageFailed(f"the worker '{self._spec.name}' wrote the clip {clip.clip_id}; expected files only")
        if self._process.returncode() != 0:
            raise self._failure(event, "it had done its work")

    def _send(self, clip: MotionClip) -> None:
        self._unsent += 1
        self._process.send(encode(clip))

    def _next(self, before: str) -> Iterator[MotionClip]:
        event = self._process.events.get()
        if event.kind == "end":
            raise self._failure(event, before)
        yield from self._received(event)

    def _received(self, event: Event) -> Iterator[MotionClip]:
        if event.kind == "sent":
            self._unsent -= 1
            return
        try:
            clip = decode(self._process.take_image(event), f"the worker '{self._spec.name}', {event.name}")
        except BadInput as error:
            raise StageFailed(f"{error}; the worker is at fault: report it to its author") from error
        yield clip

    def _failure(self, event: Event, before: str) -> IdanceError:
        """Why the worker ended without having done its work, and what to do about it."""
        code, name, said = self._process.returncode(), self._spec.name, self._process.said
        known = _CODES.get(code)
        if known is not None and self._process.error:
            return known(f"the worker '{name}': {self._process.error}")
        if code < 0:
            return StageFailed(
                f"the worker '{name}' was killed by {_signal_name(-code)} before {before}; is the memory enough? "
                "run with --verbose for what it said"
            )
        last = said[-1] if said else "it said nothing"
        missing = _MISSING.search(last)
        if code != 0 and missing is not None:
            return self._missing_library(missing.group("module") or "", last)
        if code != 0:
            return StageFailed(
                f"the worker '{name}' failed before {before}, exit code {code}: {last}; run with --verbose for the rest"
            )
        what = f" ({event.error})" if event.error is not None else ""
        return StageFailed(
            f"the worker '{name}' stopped without an error before {before}{what}; run with --verbose for what it said"
        )

    def _missing_library(self, module: str, last: str) -> MissingResource:
        line = {**_LIBRARIES, **self._spec.libraries}.get(module.partition(".")[0], "")
        how = f"run: {self._python} -m {line}" if line.startswith("pip ") else line
        return MissingResource(
            f"the worker '{self._spec.name}' under {self._python} cannot import what it needs ({last}); "
            f"{how or self._spec.install}"
        )


_CODES: Mapping[int, type[IdanceError]] = {kind.exit_code: kind for kind in (BadInput, MissingResource, StageFailed)}
_MISSING = re.compile(r"^(?:ModuleNotFoundError|ImportError)\b(?:: No module named '(?P<module>[^']+)')?")


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Ctrl-C takes effect at the end of the block; outside of the main thread it does not arrive anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []
    previous = signal.signal(signal.SIGINT, lambda number, frame: caught.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if previous is None else previous)
    if caught and callable(previous):
        previous(*caught[0])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _environment(spec: WorkerSpec, settings: WorkerSettings) -> dict[str, str]:
    """Ours without what only fits our interpreter, then the plug-in's, then the user's, then the worker's path."""
    environment = {key: value for key, value in os.environ.items() if key not in _OWN_VARIABLES}
    environment |= {**spec.environment, **settings.environment}
    folders = [MODULES, *spec.module_folders]
    path = [*map(str, folders), *filter(None, [settings.environment.get("PYTHONPATH", "")])]
    environment |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    for setting in ("repository", "checkpoints"):
        if getattr(settings, setting):
            environment[f"IDANCE_WORKER_{setting.upper()}"] = getattr(settings, setting)
    return environment
