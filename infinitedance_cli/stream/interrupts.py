"""Ctrl-C and termination in the middle of what must not be cut wait until it is done."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Signals that came in while they were deferred; `obey` acts on the first of them as usual."""

    def __init__(self, usual: Mapping[signal.Signals, Any], what: str) -> None:
        self._usual, self._what = usual, what
        self._pending: signal.Signals | None = None

    @property
    def pending(self) -> bool:
        """True when the process was asked to stop."""
        return self._pending is not None

    @property
    def number(self) -> int:
        """The signal that is pending; 0 for none."""
        return int(self._pending or 0)

    def obey(self, number: int | None = None) -> None:
        """Do what the signal would have done at once: KeyboardInterrupt on Ctrl-C, the end of the process, …

        `number` is a signal that another process of the training was sent; this one's own otherwise.
        """
        wanted, self._pending = number or self.number, None
        if wanted:
            usual = self._usual.get(signal.Signals(wanted))
            if usual is not None:
                signal.signal(wanted, usual)
            signal.raise_signal(wanted)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.pending:  # asked twice: at once
            self.obey()
        self._pending = signal.Signals(number)
        logger.info("stopping after this %s; once more to stop at once", self._what)


@contextmanager
def deferred_interrupts(what: str) -> Iterator[Interrupts]:
    """Within the block SIGINT and SIGTERM only set `Interrupts.pending`; a second one acts at once.

    `what` is being done, for the message. Outside of the main thread, where signals cannot be handled, nothing is
    deferred.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Interrupts({}, what)
        return
    usual = {number: signal.getsignal(number) for number in _SIGNALS}
    # What the process was told to ignore (nohup), or what Python cannot put back, is left alone.
    deferred = {number: handler for number, handler in usual.items() if handler not in (signal.SIG_IGN, None)}
    interrupts = Interrupts(deferred, what)
    for number in deferred:
        signal.signal(number, interrupts._note)
    try:
        yield interrupts
    finally:
        for number, handler in deferred.items():
            signal.signal(number, handler)
