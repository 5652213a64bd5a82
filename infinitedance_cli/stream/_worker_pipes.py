"""The process of a worker and the threads at its pipes; knows nothing of clips."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, cast

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stream.framing import read_images

logger = logging.getLogger(__name__)

_IMAGES_AHEAD = 2
_TERMINATE_S, _JOIN_S = 3.0, 10.0
_LINE_CHARACTERS = 4096
_LINES_KEPT = 50
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.DEBUG, "debug": logging.DEBUG}
# What `clip_stream.say` writes; all else that a worker says is research code talking to itself.
_SAID = re.compile(r"(debug|info|warning|error): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Event:
    """`sent`: the oldest image is written; `image`: one came back; `end`: none will, with what broke the last."""

    kind: Literal["sent", "image", "end"]
    name: str = ""
    image: bytes = b""
    error: BadInput | None = None


class WorkerProcess:
    """A started process: `send` images, take `events`. Raises OSError when it cannot be started.

    `said` are the last lines of its stderr, `error` the last that it marked as its error.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.said: deque[str] = deque(maxlen=_LINES_KEPT)
        self.error = ""
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._slots = threading.Semaphore(_IMAGES_AHEAD)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,  # what it starts ends with it, and Ctrl-C is ours to pass on
        )
        self._talk = _start(self._relay_log)
        self._threads = [self._talk, *map(_start, (self._write_images, self._read_images, self._end_children))]

    def send(self, image: bytes) -> None:
        """Write an image in the background; the event `sent` tells when that is done."""
        self._outbox.put(image)

    def end_input(self) -> None:
        """Close its stdin after all that was sent."""
        self._outbox.put(None)

    def take_image(self, event: Event) -> bytes:
        """The image of an event; only then another one is read, so that memory stays flat."""
        self._slots.release()
        return event.image

    def returncode(self) -> int:
        """How it ended, after its last words; one that has closed its stdout and stays on is stopped."""
        try:
            self._process.wait(_JOIN_S)
        except subprocess.TimeoutExpired:
            self.stop()
        self._talk.join(_JOIN_S)
        return self._process.wait()

    def stop(self) -> None:
        """End it and all that it started, and leave no zombie; safe to call twice."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(_TERMINATE_S)
            except subprocess.TimeoutExpired:
                self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.wait()
        self.end_input()
        self._slots.release(1 << 20)
        for thread in self._threads:
            thread.join(_JOIN_S)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def _end_children(self) -> None:
        """Children that outlive their parent would hold the pipes open, and idance would wait for them."""
        self._process.wait()
        if hasattr(os, "killpg"):
            self._signal(signal.SIGKILL)

    def _write_images(self) -> None:
        assert self._process.stdin is not None
        # Where it left without reading all, the end of its stdout and its exit code say why.
        with contextlib.suppress(OSError), self._process.stdin as pipe:
            while (image := self._outbox.get()) is not None:
                pipe.write(image)
                pipe.flush()
                self.events.put(Event("sent"))

    def _read_images(self) -> None:
        assert self._process.stdout is not None
        error = None
        with self._process.stdout as pipe:
            try:
                for name, image in read_images(cast(BinaryIO, pipe), "its stream"):
                    self._slots.acquire()
                    self.events.put(Event("image", name, image))
            except BadInput as found:
                error = found
        self.events.put(Event("end", error=error))

    def _relay_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            # A progress bar is one endless line: what comes is cut at line ends, carriage returns and a fixed length.
            rest = b""
            while piece := os.read(pipe.fileno(), _LINE_CHARACTERS):
                *lines, rest = re.split(rb"[\r\n]+", rest + piece)
                if len(rest) > _LINE_CHARACTERS:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._note(line.decode("utf-8", "replace").rstrip())
            self._note(rest.decode("utf-8", "replace").rstrip())

    def _note(self, line: str) -> None:
        if not line:
            return
        said = _SAID.fullmatch(line)
        level, text = said.groups() if said else ("debug", line)
        if level == "error":
            self.error = text
        self.said.append(line)
        logger.log(_LEVELS[level], "%s: %s", self.name, text)


def _start(run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
