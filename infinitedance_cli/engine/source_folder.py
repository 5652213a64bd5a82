"""A folder with one .h5 file for each video or song, which a rerun completes: where results of sources go."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infinitedance_cli.engine.outputs import is_folder
from infinitedance_cli.errors import UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.files import clear_failure, locked_folder, refuse_remote
from infinitedance_cli.stream.ports import write_clips

ENDING = ".h5"


@contextmanager
def writing_alone(output: str) -> Iterator[Path | None]:
    """The folder that an output names, made where it is missing and for this command alone; None for other outputs.

    Raises UsageError when it cannot be made or written, or another command is writing there.
    """
    refuse_remote(output)
    if not is_folder(output):
        yield None
        return
    folder = Path(output)
    if not folder.is_dir() and not folder.parent.is_dir():
        raise UsageError(f"{output}: there is no folder {folder.parent}; make it first")
    with clear_failure(folder):
        folder.mkdir(exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{output}: the folder is not writable; choose another output")
    with locked_folder(folder):
        yield folder


def clip_files(folder: Path) -> list[Path]:
    """The files of a folder that hold clips, sorted."""
    return sorted(folder.glob(f"*{ENDING}"))


class SourceFiles:
    """Writes the clips of each source into a file of its own, under its name when all of them are in it.

    `taken` are files of other sources; two sources of one name get a part of their hash.
    """

    def __init__(self, folder: Path, taken: Iterable[Path] = ()) -> None:
        self._folder, self.taken = folder, set(taken)

    def path(self, name: str, sha256: str) -> Path:
        """The file for a source called `name` whose bytes have this hash."""
        path = self._folder / f"{name}{ENDING}"
        if path in self.taken:
            path = self._folder / f"{name}-{sha256[:8]}{ENDING}"
        self.taken.add(path)
        return path

    def write(self, name: str, sha256: str, clips: Iterable[MotionClip | bytes]) -> Path:
        """Writes all clips of a source, or nothing when going through them raises; returns the file."""
        path = self.path(name, sha256)
        write_clips(clips, str(path), force=True)
        return path
