"""Workers that are processes on this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection as connections
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Thread
from typing import Any

from infinitedance_cli import log
from infinitedance_cli.engine.inputs import Input
from infinitedance_cli.engine.placement import usable_cores
from infinitedance_cli.engine.schedule import Answered, Event, Lost, Ready, Unfit
from infinitedance_cli.engine.task import Answerer, Task, UnfitError

_END_S = 5.0


@dataclass(frozen=True)
class _Process:
    process: BaseProcess
    pipe: Connection


class ProcessWorkers:
    """One process a worker, joined to this one by a pipe; when this one dies, they end. `count` of them share the
    cores."""

    def __init__(self, task: Task, count: int, *, keyed: bool) -> None:
        self._task, self._keyed = task, keyed
        self._threads = max(1, usable_cores() // count)
        self._processes: dict[int, _Process] = {}
        self._started = 0

    def start(self) -> int:
        """Start one more."""
        ours, theirs = get_context("spawn").Pipe()
        arguments = (theirs, self._task, self._keyed, log.verbosity())
        process = get_context("spawn").Process(target=_serve, args=arguments, daemon=True)
        # Ctrl-C reaches the whole group: the command ends its workers, they do not end themselves.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if _in_main_thread() else None
        try:
            with _threads_of_children(self._threads):
                process.start()
        finally:
            if before is not None:
                signal.signal(signal.SIGINT, before)
        theirs.close()
        number = self._started
        self._started += 1
        self._processes[number] = _Process(process, ours)
        return number

    def send(self, worker: int, inputs: Sequence[Input]) -> None:
        """Give a worker its next batch; if it is gone, `wait` will say so."""
        try:
            self._processes[worker].pipe.send(inputs)
        except OSError:
            return

    def wait(self) -> list[tuple[int, Event]]:
        """What happened next."""
        by_pipe = {one.pipe: number for number, one in self._processes.items()}
        return [(by_pipe[pipe], self._event(by_pipe[pipe])) for pipe in _readable(list(by_pipe))]

    def close(self) -> None:
        """End all."""
        for one in self._processes.values():
            one.process.terminate()
        for number in list(self._processes):
            self._forget(number)

    def _event(self, number: int) -> Event:
        try:
            message = self._processes[number].pipe.recv()
        except (EOFError, OSError):
            code = self._forget(number)
            return Lost(f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}")
        if isinstance(message, UnfitError):
            self._forget(number)
            return Unfit(message)
        if isinstance(message, BaseException):
            raise message
        event: Event = message
        return event

    def _forget(self, number: int) -> int | None:
        one = self._processes.pop(number)
        one.pipe.close()
        one.process.join(_END_S)
        if one.process.exitcode is None:
            one.process.kill()
            one.process.join()
        code = one.process.exitcode
        one.process.close()
        return code


@contextmanager
def _threads_of_children(count: int) -> Iterator[None]:
    """Processes that start meanwhile compute in `count` threads, where the user did not say in how many: libraries read
    this once, when they are loaded."""
    names = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} - set(os.environ)
    os.environ.update(dict.fromkeys(names, str(count)))
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


def _readable(pipes: list[Connection]) -> list[Connection]:
    return [pipe for pipe in connections.wait(pipes) if isinstance(pipe, Connection)]


def _in_main_thread() -> bool:
    from threading import current_thread, main_thread

    return current_thread() is main_thread()


def _serve(pipe: Connection, task: Task, keyed: bool, level: log.Verbosity) -> None:
    """A worker: load the stage, answer what comes, end when the pipe does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = log.collect(level)
    batches: SimpleQueue[Sequence[Input] | None] = SimpleQueue()
    Thread(target=_receive, args=(pipe, batches), daemon=True).start()
    try:
        answerer = Answerer(task, keyed=keyed)
        _reply(pipe, Ready(answerer.at_once))
        while (inputs := batches.get()) is not None:
            said.clear()
            answers = answerer.answers(inputs)
            answers[0].said = list(said)
            _reply(pipe, Answered(answers))
    except Exception as error:  # noqa: BLE001  # whatever it is, the command raises it
        _reply(pipe, _with_trace(error))


def _receive(pipe: Connection, batches: SimpleQueue[Sequence[Input] | None]) -> None:
    """Take batches as they come: a pipe that nobody empties would hold up its writer, who is our reader too.

    When the command is gone nobody wants the answer that is being worked on.
    """
    while True:
        try:
            batches.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(0)


def _reply(pipe: Connection, message: Any) -> None:
    try:
        pipe.send(message)
    except OSError:
        os._exit(0)


def _with_trace(error: Exception) -> Exception:
    """The error with the traceback of this process as a note, since the traceback itself cannot be sent."""
    import traceback

    error.add_note("".join(traceback.format_exception(error)))
    return error
