from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from infinitedance_cli.ahead import ahead
from infinitedance_cli.errors import BadInput


def test_the_same_items_in_the_same_order() -> None:
    assert list(ahead(range(100), depth=3)) == list(range(100))
    assert list(ahead([])) == []


def test_it_is_only_so_far_ahead() -> None:
    made: list[int] = []
    waiting = threading.Event()

    def items() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            if number == 5:
                waiting.set()
            yield number

    iterator = ahead(items(), depth=3)
    assert next(iterator) == 0
    assert not waiting.wait(0.3), "three wait in the queue and one is held: 0 to 4"
    assert next(iterator) == 1 and waiting.wait(5)
    iterator.close()  # type: ignore[attr-defined]


def test_errors_come_after_the_items_before_them() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise BadInput("it broke")

    iterator = ahead(items())
    assert next(iterator) == 1
    with pytest.raises(BadInput, match="it broke"):
        next(iterator)


def test_leaving_it_ends_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    threads = threading.active_count()
    iterator = ahead(items(), depth=2)
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    assert closed.is_set() and threading.active_count() == threads
