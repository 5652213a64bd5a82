"""Where the weights of the foot restorer are. Imports no torch."""

from __future__ import annotations

from pathlib import Path

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.models.bundle_files import STARTER, starter_folder

FILE = "foot_restorer.safetensors"


def weights_path(name: str) -> Path:
    """The file of the foot restorer called `starter`, in the folder `name`, or `name` itself.

    Raises:
        MissingResource: it is not there.
    """
    path = starter_folder() if name == STARTER else Path(name)
    if path.is_dir() or name == STARTER:
        path = path / FILE
    if not path.is_file():
        raise MissingResource(f"foot restorer {name}: there is no file {path}; give --model a trained one")
    return path
