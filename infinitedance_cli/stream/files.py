"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from infinitedance_cli import remote
from infinitedance_cli.errors import StageFailed, UsageError
from infinitedance_cli.stream.interrupts import deferred_interrupts

LOCK = ".lock"
_PART = ".part"
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def clear_failure(name: str | Path) -> Iterator[None]:
    """Turns an OSError while writing `name` into StageFailed with one line; BrokenPipeError passes through."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise StageFailed(f"{name}: the disk is full; free space or choose another output") from error
        raise StageFailed(f"{name}: cannot be written ({error.strerror or error}); choose another output") from error


def check_new_file(path: Path, *, force: bool = False) -> None:
    """Fails early on a file that cannot be written, before any work starts.

    Raises UsageError when it exists and `force` is not given, is a folder, or lies in a folder that is missing or not
    writable.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    folder = path.parent
    if not folder.is_dir():
        raise UsageError(f"{path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{path}: the folder {folder} is not writable; choose another output")
    refuse_existing(path, force=force)


def refuse_remote(output: str) -> None:
    """Raises UsageError when an output is a URL."""
    if remote.is_remote(output):
        raise UsageError(f"{output}: outputs are written to this machine; name a path here, and copy it there")


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raises UsageError when `path` exists and `force` is not given."""
    if not force and (path.exists() or path.is_symlink()):
        raise UsageError(f"{path}: exists already; give --force to replace it, or choose another output")


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """A folder that no other idance writes into meanwhile. Raises UsageError when one does."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    with clear_failure(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"{folder}: another idance is writing there; wait for it, or choose another output"
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _locked_name(path: Path) -> Iterator[None]:
    """A file that no other idance writes meanwhile; what killed ones left of it is removed. Raises UsageError when one
    does; where files cannot be locked, nobody is kept out."""
    from filelock import FileLock, Timeout

    place = path.with_name(f".{path.name}{LOCK}")
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"{path}: another idance is writing it; wait for it, or choose another output") from None
    except (OSError, NotImplementedError):
        pass  # opening the file says what is wrong, if anything is
    else:
        for left in path.parent.glob(f".{escape(path.name)}.*{_PART}"):
            left.unlink(missing_ok=True)
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # where a file that is open cannot be removed, it stays, empty
                place.unlink(missing_ok=True)
            lock.release()


class NewFile:
    """A file being written under a temporary name in the folder of `path`; `finish` gives it its name.

    Leaving the `with` block without `finish`, by an error or an interruption, removes it.
    Raises UsageError when another idance is writing it, StageFailed when it cannot be made, written or renamed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}{_PART}")

    def __enter__(self) -> NewFile:
        with ExitStack() as stack:
            with deferred_interrupts("file") as interrupts:
                stack.enter_context(_locked_name(self.path))
                stack.callback(self._temporary.unlink, missing_ok=True)
                with clear_failure(self.path):
                    self.file: BinaryIO = open(self._temporary, "w+b")  # noqa: SIM115
            interrupts.obey()
            self._traces = stack.pop_all()
        return self

    def finish(self, path: Path) -> None:
        """Closes the file and renames it to `path`, replacing what is there."""
        with clear_failure(path):
            self.file.close()
            os.replace(self._temporary, path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with clear_failure(self.path):
                self.file.close()
        except StageFailed:
            # Closing flushes; a failure here only repeats the one that is on its way, or concerns a dropped file.
            if kind is None:
                raise
        finally:
            self._traces.close()
