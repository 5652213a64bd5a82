"""Opening an index, whichever way it is kept."""

from __future__ import annotations

from pathlib import Path

from infinitedance_cli.models.dance_index.base import DanceIndex


def load_index(path: Path) -> DanceIndex:
    """The index in a file, or in a folder.

    Raises:
        MissingResource: there is no such file or folder.
        BadInput: it is damaged, something else, or of a newer version.
    """
    if path.is_dir():
        from infinitedance_cli.models.dance_index.folder import open_folder

        return open_folder(path)
    from infinitedance_cli.models.dance_index.file import load_file

    return load_file(path)
