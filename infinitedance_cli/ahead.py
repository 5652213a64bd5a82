"""Work ahead in another thread: what comes next is made while what is there is being used."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from typing import TypeVar

Item = TypeVar("Item")

_PATIENCE_S = 0.1


class _End:
    """The last thing in the queue, with the error that ended the items, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[Item], depth: int = 4) -> Iterator[Item]:
    """The same items, made by a thread that is at most `depth` of them ahead; its errors are raised here.

    Closing the iterator stops the thread and waits for it.
    """
    queue: Queue[Item | _End] = Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, queue, stopped), name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = _taken(queue)
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        _drain(queue)
        thread.join()


def _fill(items: Iterable[Item], queue: Queue[Item | _End], stopped: threading.Event) -> None:
    end = _End()
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(queue, item, stopped):
                break
    except BaseException as error:  # noqa: BLE001  # every error is passed on to the one who waits for the items
        end = _End(error)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    _put(queue, end, stopped)


def _put(queue: Queue[Item | _End], item: Item | _End, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            queue.put(item, timeout=_PATIENCE_S)
        except Full:
            continue
        return True
    return False


def _taken(queue: Queue[Item | _End]) -> Item | _End:
    """The next item; waits in short steps, so that Ctrl-C is heard on every system."""
    while True:
        try:
            return queue.get(timeout=_PATIENCE_S)
        except Empty:
            continue


def _drain(queue: Queue[Item | _End]) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
