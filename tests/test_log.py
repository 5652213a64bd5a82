from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator

import pytest

from infinitedance_cli import log

ours = logging.getLogger("infinitedance_cli.stages.example")
foreign = logging.getLogger("some_library")


def everything_is_logged(verbosity: log.Verbosity) -> None:
    log.configure(verbosity, "idance example")
    ours.debug("our detail")
    ours.info("our news")
    ours.warning("our worry")
    foreign.info("their news")
    foreign.warning("their worry")


def test_normally_news_and_worries_are_one_line_each_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    everything_is_logged(log.Verbosity.NORMAL)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "idance example: our news",
        "idance example: warning: our worry",
        "idance example: warning: their worry",
    ]
    assert captured.out == ""


def test_quiet_leaves_the_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    everything_is_logged(log.Verbosity.QUIET)
    assert capsys.readouterr().err.splitlines() == [
        "idance example: warning: our worry",
        "idance example: warning: their worry",
    ]


def test_verbose_adds_our_details_and_debug_also_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    everything_is_logged(log.Verbosity.VERBOSE)
    verbose = capsys.readouterr().err
    everything_is_logged(log.Verbosity.DEBUG)
    debug = capsys.readouterr().err
    assert "infinitedance_cli.stages.example: our detail" in verbose
    assert "their news" not in verbose
    assert "some_library: their news" in debug


def test_configuring_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.configure()
    ours.info("once")
    assert capsys.readouterr().err == "idance: once\n"


def test_warnings_of_libraries_are_for_those_who_debug(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log.configure(log.Verbosity.NORMAL)
        warnings.warn("deprecated thing", stacklevel=1)
        assert capsys.readouterr().err == ""
        log.configure(log.Verbosity.DEBUG)
        warnings.warn("deprecated thing", stacklevel=1)
        assert "deprecated thing" in capsys.readouterr().err


def test_no_bar_is_drawn_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(log.progress([1, 2, 3], "counting")) == [1, 2, 3]
    with log.progress_bar("counting", 3) as advance:
        advance(2)
    assert capsys.readouterr() == ("", "")


def test_items_pass_one_at_a_time() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(3):
            taken.append(number)
            yield number

    passed = log.progress(source(), "counting")
    next(passed)
    assert taken == [0]


def test_on_a_terminal_the_bar_goes_to_stderr_and_quiet_hides_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(log.progress(range(4), "counting", unit="clip")) == [0, 1, 2, 3]
    captured = capsys.readouterr()
    assert "counting" in captured.err
    assert "4" in captured.err
    assert captured.out == ""

    log.configure(log.Verbosity.QUIET)
    assert list(log.progress(range(4), "counting")) == [0, 1, 2, 3]
    assert capsys.readouterr().err == ""


def test_a_message_is_a_line_of_its_own_above_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    log.configure()
    with log.progress_bar("counting", 3) as advance:
        advance()
        ours.info("half way")
        advance(2)
    lines = capsys.readouterr().err.replace("\r", "\n").splitlines()
    assert "idance: half way" in lines
    assert any("3/3" in line for line in lines) or any("1/3" in line for line in lines)
