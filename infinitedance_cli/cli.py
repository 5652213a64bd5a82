"""The `idance` command: its sub-commands in pipeline order, and how errors become exit codes.

How to add a command
    Write `stages/<name>/command.py` (dashes of the command are underscores of the folder) with one function::

        def command(song: Annotated[str, typer.Argument(help="...")], output: options.Output = "-", ...) -> None:
            '''One sentence that says what the command does.'''

    annotated with Typer options (shared ones are in `infinitedance_cli.options`), whose docstring is the help text.
    A command with sub-commands has `app = typer.Typer()` instead. Add its line to `COMMANDS`. The module must import
    neither torch nor anything else that takes long: import the stage inside the function.
    `--verbose`, `--quiet` and `--debug` are added to every command here. Errors are raised, never printed.

Exit codes
    0 success, 1 a bug of ours (traceback), the codes of `infinitedance_cli.errors`, 130 interrupted (Ctrl-C),
    141 the reader of stdout left, 143 terminated. A file that does not exist is 3; a full disk or a place that may
    not be written is 5.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType, TracebackType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from infinitedance_cli import __version__, log
from infinitedance_cli.errors import BadInput, IdanceError, StageFailed

COMMANDS: Mapping[str, str] = {
    "capture": "Video in, motion of body, hands and face out.",
    "imitate": "Make motion physically possible in a simulator.",
    "restore-feet": "Plant sliding and floating feet.",
    "tokenize": "Turn motion into tokens and back.",
    "build-index": "Build the music-dance retrieval index.",
    "train": "Train the tokeniser, the retriever or the choreographer.",
    "generate": "A song in, a dance out.",
    "evaluate": "Measure motion: sliding, jitter, beats, diversity.",
    "render": "Draw motion as video.",
    "convert": "Read and write motion in any known format.",
    "dataset": "Shards, figures, splits, checks and imports of data sets.",
    "models": "Fetch and look up models from elsewhere, and their licences.",
    "doctor": "Show what is installed, what is missing and how to get it.",
}
"""Commands in the order of the pipeline, and the line that each has in `idance --help`."""

_log = logging.getLogger(__name__)

_STAGES = Path(__file__).parent / "stages"
_MISSING_FILE = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR}
_CANNOT_WRITE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG}
_INTERRUPTED, _READER_LEFT, _TERMINATED = 130, 141, 143


def available_commands() -> list[str]:
    """The commands whose stage is part of this installation, in pipeline order."""
    return [name for name in COMMANDS if (_STAGES / _folder(name) / "command.py").is_file()]


class CommandGroup(TyperGroup):
    """The commands of `COMMANDS`, each imported only when it is called, and errors turned into exit codes."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in pipeline order; imports nothing."""
        self.commands.update(dict.fromkeys(available_commands()))  # type: ignore[arg-type]  # for "did you mean"
        return available_commands()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and build one command; None when there is none of this name."""
        if cmd_name not in available_commands():
            self.list_commands(ctx)
            return None
        module = import_module(f"infinitedance_cli.stages.{_folder(cmd_name)}.command")
        if hasattr(module, "app"):
            app = module.app
        else:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(cmd_name)(module.command)
        built: Any = get_command(app)
        built.name = cmd_name
        _add_log_options(built)
        return built

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands for `--help` from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; every error ends as one line on stderr and an exit code."""
        with _errors_to_exit_codes():
            result = super().invoke(ctx)
            sys.stdout.flush()
        return result


app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"idance {__version__}")
        raise typer.Exit()


@app.callback(no_args_is_help=True)
def _idance(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """3D dance from music, and motion clips between any two programs.

    Commands read and write motion clips and can be joined by pipes: - is stdin or stdout. Messages go to stderr.
    """
    log.configure()


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    sys.excepthook = _report_bug
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    log.configure()
    try:
        with _errors_to_exit_codes():  # outside of any command: --version or --help on a full disk
            get_command(app).main(prog_name="idance")
    except typer.Exit as end:
        sys.exit(end.exit_code)
    finally:
        _flush_or_drop_stdout()
        if _Stopped.code and sys.exc_info()[0] is not None:
            # Where a signal cuts an import or a library short it can end as any error, or as another exit code.
            sys.exit(_Stopped.code)
    sys.exit(0)


class _Stopped:
    """The exit code of the signal that asked the process to stop, 0 before; signals are of the process, so this is."""

    code = 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    _Stopped.code = _INTERRUPTED
    signal.default_int_handler(number, frame)


def _terminate(number: int, frame: FrameType | None) -> None:
    _Stopped.code = _TERMINATED
    sys.exit(_TERMINATED)


@contextmanager
def _errors_to_exit_codes() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise typer.Exit(_READER_LEFT) from error
    except KeyboardInterrupt as error:
        _log.error("interrupted")
        raise typer.Exit(_INTERRUPTED) from error
    except (IdanceError, OSError, MemoryError) as error:
        known = _as_idance_error(error)
        if known is None:
            raise
        _log.error(" ".join(str(known).split()), exc_info=log.verbosity() is log.Verbosity.DEBUG)
        raise typer.Exit(known.exit_code) from error


def _as_idance_error(error: BaseException) -> IdanceError | None:
    """The error as one that a user can act on, or None when it is a bug of ours."""
    if isinstance(error, IdanceError):
        return error
    if isinstance(error, MemoryError):
        return StageFailed("the memory is not enough; close other programs or work on fewer or shorter files at once")
    if not isinstance(error, OSError) or error.errno is None:
        return None
    reason = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    if error.errno in _MISSING_FILE:
        return BadInput(f"{reason}; check the path")
    if error.errno in _CANNOT_WRITE:
        return StageFailed(f"{reason}; check permissions and free space, or choose another place")
    return None


def _report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    traceback.print_exception(kind, error, trace)
    typer.echo("idance: this is a bug; please report it with the lines above and what `idance doctor` shows", err=True)


def _flush_or_drop_stdout() -> None:
    """Leave nothing in the buffer of stdout: the interpreter would complain at exit where it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _folder(command: str) -> str:
    return command.replace("-", "_")


def _add_log_options(command: Any) -> None:
    """Give a command, or each sub-command of a group, `--verbose`, `--quiet` and `--debug`."""
    subcommands = getattr(command, "commands", None)
    if subcommands is not None:
        for subcommand in subcommands.values():
            _add_log_options(subcommand)
    else:
        command.params.extend(_log_options())


def _log_options() -> list[Any]:
    def set_verbosity(level: log.Verbosity) -> Any:
        def callback(context: typer.Context, wanted: bool) -> bool:
            if not context.resilient_parsing:
                log.configure(level if wanted else log.verbosity(), context.command_path)
            return wanted

        return callback

    def option(level: log.Verbosity, *names: str, text: str) -> Any:
        callback = set_verbosity(level)
        return typer.Option(False, *names, callback=callback, is_eager=True, expose_value=False, help=text)

    def carrier(
        verbose: bool = option(log.Verbosity.VERBOSE, "--verbose", "-v", text="Say more on stderr."),
        quiet: bool = option(log.Verbosity.QUIET, "--quiet", "-q", text="Say nothing but warnings and errors."),
        debug: bool = option(log.Verbosity.DEBUG, "--debug", text="Say everything, with tracebacks."),
    ) -> None:
        """Only its options are used."""

    holder = typer.Typer(add_completion=False, rich_markup_mode=None)
    holder.command()(carrier)
    return [parameter for parameter in get_command(holder).params if parameter.name != "help"]


if __name__ == "__main__":
    main()
