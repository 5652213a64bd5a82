from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner, Result

from infinitedance_cli import __version__, cli, errors, log
from tests.conftest import REPOSITORY, RunIdance

HEAVY = ["torch", "numpy", "librosa", "h5py", "scipy", "av", "faiss", "transformers", "rich", "pygltflib"]

RunCommand = Callable[..., Result]


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunCommand:
    """Register a function as `idance example` and run it in this process."""

    def run(function: Callable[..., None], *arguments: str) -> Result:
        module = types.ModuleType("infinitedance_cli.stages.example.command")
        vars(module)["command"] = function
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(cli, "COMMANDS", {"example": "An example."})
        monkeypatch.setattr(cli, "available_commands", lambda: ["example"])
        return CliRunner().invoke(cli.app, ["example", *arguments], prog_name="idance")

    return run


def fails_with(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        """Fail."""
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("contradiction"), 2),
        (errors.ConfigError("contradiction"), 2),
        (errors.BadInput("contradiction"), 3),
        (errors.MissingResource("contradiction"), 4),
        (errors.StageFailed("contradiction"), 5),
        (errors.ThresholdCrossed("contradiction"), 6),
    ],
)
def test_our_errors_are_one_line_and_their_exit_code(run_command: RunCommand, error: Exception, code: int) -> None:
    result = run_command(fails_with(error))
    assert result.exit_code == code
    assert result.stderr == "idance example: error: contradiction\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "song.wav"), 3, "song.wav: No such file"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "folder"), 3, "folder: Is a directory"),
        (PermissionError(errno.EACCES, "Permission denied", "/out.h5"), 5, "/out.h5: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), 5, "No space left on device"),
        (OSError(errno.EROFS, "Read-only file system", "x"), 5, "x: Read-only file system"),
        (MemoryError(), 5, "the memory is not enough"),
        (errors.BadInput("two\n  lines"), 3, "two lines"),
    ],
)
def test_what_the_system_refuses_is_one_line_too(
    run_command: RunCommand, error: Exception, code: int, line: str
) -> None:
    result = run_command(fails_with(error))
    assert result.exit_code == code
    assert result.stderr.startswith(f"idance example: error: {line}")
    assert result.stderr.count("\n") == 1


def test_interrupt_and_a_reader_that_left(run_command: RunCommand) -> None:
    interrupted = run_command(fails_with(KeyboardInterrupt()))
    assert (interrupted.exit_code, interrupted.stderr) == (130, "idance example: error: interrupted\n")
    left = run_command(fails_with(BrokenPipeError(errno.EPIPE, "Broken pipe")))
    assert (left.exit_code, left.stderr) == (141, "")


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), OSError(errno.EBADF, "Bad file descriptor")])
def test_bugs_are_not_dressed_up_as_user_errors(run_command: RunCommand, error: Exception) -> None:
    assert run_command(fails_with(error)).exception is error


def test_a_bug_shows_its_traceback_and_where_to_report_it(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError as error:
        cli._report_bug(type(error), error, error.__traceback__)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2] == "ZeroDivisionError: a bug"
    assert "please report it" in lines[-1]


def test_debug_adds_the_traceback(run_command: RunCommand) -> None:
    result = run_command(fails_with(errors.BadInput("contradiction")), "--debug")
    assert result.exit_code == 3
    assert "Traceback (most recent call last)" in result.stderr
    assert "contradiction" in result.stderr


@pytest.mark.parametrize(
    ("flag", "verbosity"),
    [
        ("--verbose", log.Verbosity.VERBOSE),
        ("-v", log.Verbosity.VERBOSE),
        ("--quiet", log.Verbosity.QUIET),
        ("--debug", log.Verbosity.DEBUG),
        (None, log.Verbosity.NORMAL),
    ],
)
def test_every_command_takes_the_log_options(
    run_command: RunCommand, flag: str | None, verbosity: log.Verbosity
) -> None:
    seen: list[tuple[str, log.Verbosity]] = []

    def command(name: Annotated[str, typer.Argument()] = "nobody") -> None:
        """Look."""
        seen.append((name, log.verbosity()))

    log.configure(log.Verbosity.DEBUG)
    result = run_command(command, *([flag] if flag else []), "somebody")
    assert result.exit_code == 0, result.output
    assert seen == [("somebody", verbosity)]


def test_commands_stand_in_pipeline_order_and_exist(run_idance: RunIdance) -> None:
    text = run_idance("--help").stdout.decode()
    listed = [line.split()[0] for line in text.partition("Commands:\n")[2].splitlines()]
    assert listed == cli.available_commands()
    assert listed == sorted(listed, key=list(cli.COMMANDS).index)
    assert "doctor" in listed


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import json, sys
from typer.main import get_command
from infinitedance_cli import cli
loaded = {{}}
for name in [None, *cli.available_commands()]:
    try:
        get_command(cli.app).main([name, "--help"] if name else ["--help"], prog_name="idance")
    except SystemExit as end:
        assert not end.code, name
    loaded[str(name)] = sorted(set({HEAVY!r}) & set(sys.modules))
print(json.dumps(loaded), file=sys.stderr)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(result.stderr) == {str(name): [] for name in [None, *cli.available_commands()]}


def test_version_and_module_start(run_idance: RunIdance) -> None:
    result = run_idance("--version")
    assert (result.returncode, result.stdout.decode()) == (0, f"idance {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["docter"], "No such command 'docter'. Did you mean 'doctor'?"),
        (["doctor", "--jsn"], "No such option: --jsn"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(run_idance: RunIdance, arguments: list[str], expected: str) -> None:
    result = run_idance(*arguments)
    assert result.returncode == 2
    assert expected in result.stderr.decode()
    assert result.stdout == b""


def test_without_arguments_the_help_is_shown(run_idance: RunIdance) -> None:
    result = run_idance()
    assert result.returncode == 2
    assert "Commands:" in (result.stdout + result.stderr).decode()


def test_a_reader_that_left_is_141_and_silent(run_idance: RunIdance) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        result = run_idance("doctor", "--quiet", stdout=write_end)
    finally:
        os.close(write_end)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(("argument", "name"), [("doctor", "idance doctor"), ("--version", "idance")])
def test_a_full_disk_is_one_line(run_idance: RunIdance, argument: str, name: str) -> None:
    with open("/dev/full", "wb") as full:
        result = run_idance(argument, stdout=full)
    assert result.returncode == 5
    assert result.stderr.decode().startswith(f"{name}: error: No space left on device; ")
    assert result.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_with_its_code(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    script = f"""
import sys, time, types
sys.path.insert(0, {str(REPOSITORY)!r})
from infinitedance_cli import cli
def command() -> None:
    "Wait."
    sys.stderr.write("ready\\n"); sys.stderr.flush(); time.sleep(60)
sys.modules["infinitedance_cli.stages.example.command"] = types.SimpleNamespace(command=command)
cli.COMMANDS = {{"example": "An example."}}
cli.available_commands = lambda: ["example"]
sys.argv = ["idance", "example"]
cli.main()
"""
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(sent)
        rest = process.stderr.read()
    assert process.returncode == code
    assert "Traceback" not in rest


def test_completion_of_the_shell_lists_the_commands(run_idance: RunIdance) -> None:
    environment = {"_IDANCE_COMPLETE": "complete_bash", "COMP_WORDS": "idance doc", "COMP_CWORD": "1"}
    result = run_idance(env=environment)
    assert result.stdout.decode().split() == ["doctor"]


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize(("sent", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_whatever_a_signal_turns_into_ends_with_its_code(sent: str, code: int) -> None:
    program = f"""
import os, signal, time
import infinitedance_cli.cli as cli

def cut_short(*_):
    try:
        os.kill(os.getpid(), signal.{sent})
        time.sleep(10)
    except (KeyboardInterrupt, SystemExit):
        raise SystemError("a library that was cut short")

signal.signal(signal.SIGINT, signal.default_int_handler)
cli.get_command = cut_short
cli.main()
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == code
